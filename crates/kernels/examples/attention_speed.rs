use foci_kernels::{Serial, attention::*, dropout::Dropout};
use std::time::Instant;
fn main() {
    for (b, n, width, heads, rate) in [(128, 107, 64, 1, 0.0), (128, 107, 64, 2, 0.0), (128, 107, 64, 1, 0.2), (128, 107, 50, 1, 0.0), (1000, 9, 64, 1, 0.0), (128,200,64,1,0.0)] {
        let t = b * n;
        let x = |s: u32| -> Vec<f32> { (0..t * width).map(|i| foci_kernels::random::bits(s, 0, i as u32) as f32 / 2147483648.0 - 1.0).collect() };
        let (q, k, v, dout) = (x(1), x(2), x(3), x(4));
        let offsets: Vec<i32> = (0..=b).map(|i| (i * n) as i32).collect();
        let mut out = vec![0.0; t * width]; let mut lse = vec![0.0; t * heads];
        let (mut dq, mut dk, mut dv) = (out.clone(), out.clone(), out.clone());
        let d = Dropout { rate, seed: 1, draw: 1 };
        let (mut f, mut g) = (f64::MAX, f64::MAX);
        for _ in 0..15 {
            let s = Instant::now();
            attention(&Serial, &q, &k, &v, &offsets, &offsets, width, heads, &d, &mut out, &mut lse);
            f = f.min(s.elapsed().as_secs_f64());
            let s = Instant::now();
            attention_gradient(&Serial, &q, &k, &v, &out, &lse, &dout, &offsets, &offsets, width, heads, &d, &mut dq, &mut dk, &mut dv);
            g = g.min(s.elapsed().as_secs_f64());
        }
        let flop = (b * n * (n + 1) / 2 * width * 4) as f64;
        println!("{b}x{n} D={width} H={heads} rate={rate}: forward {:.2} ms {:.1} GFLOP/s, backward {:.2} ms {:.1} GFLOP/s", f * 1e3, flop / f / 1e9, g * 1e3, flop * 2.5 / g / 1e9);
    }
}
