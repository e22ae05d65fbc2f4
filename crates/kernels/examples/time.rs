use foci_kernels::cross_entropy::*;
use foci_kernels::*;
fn v(n: usize, s: f32) -> Vec<f32> {
    let mut x = 12345u64;
    (0..n)
        .map(|_| {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((x >> 40) as f32 / 16777216.0 - 0.5) * s
        })
        .collect()
}
unsafe extern "C" {
    fn clock_gettime(c: i32, t: *mut [i64; 2]) -> i32;
}
fn cpu() -> f64 {
    let mut t = [0i64; 2];
    unsafe { clock_gettime(3, &mut t) };
    t[0] as f64 + t[1] as f64 * 1e-9
}
fn best(n: usize, mut f: impl FnMut()) -> f64 {
    let mut b = f64::MAX;
    for _ in 0..n {
        let t = cpu();
        f();
        b = b.min(cpu() - t);
    }
    b * 1e3
}
fn main() {
    if let Some(x) = std::env::args().nth(1) {
        return if x == "micro" { micro() } else { products() };
    }
    for (t, n, d) in [(6400usize, 12101usize, 64usize), (12800, 3416, 64)] {
        let y: Vec<i32> = (0..t).map(|i| ((i * 7919) % n) as i32).collect();
        let off: usize = std::env::var("OFF").map_or(0, |x| x.parse().unwrap());
        fn al(x: &mut [f32], off: usize) -> &mut [f32] {
            let k = (64 - (x.as_ptr() as usize) % 64) % 64 / 4;
            &mut x[k + off..]
        }
        let mut hv = v(t * d + 32, 1.0);
        let mut ev = v(n * d + 32, 1.0);
        let mut dhv = vec![0.0; t * d + 32];
        let mut dev = vec![0.0; n * d + 32];
        let mut sv = vec![0.0; 2 * cross_entropy_scratch(t, n, d, simd::half::Precision::Bf16) + 32];
        let h = &al(&mut hv, off)[..t * d];
        let e = &al(&mut ev, off)[..n * d];
        let dh = &mut al(&mut dhv, off)[..t * d];
        let de = &mut al(&mut dev, off)[..n * d];
        let s = al(&mut sv, off);
        for p in [simd::half::Precision::F32, simd::half::Precision::Bf16] {
            let ms = best(25, || {
                cross_entropy(&Serial, h, e, &y, d, p, dh, de, s);
            });
            println!("ce {p:?} {t} {n} {d}: {ms:.1} ms {:.1} GF", 6.0 * (t * n * d) as f64 / ms / 1e6);
        }
    }
}
#[allow(dead_code)]
pub fn micro() {
    use foci_kernels::simd::{instructions, matrix::*};
    let set = instructions();
    for (rows, depth, cols) in [
        (48usize, 64usize, 64usize),
        (64, 48, 64),
        (256, 64, 64),
        (48, 128, 64),
        (96, 64, 64),
        (64, 96, 64),
        (66, 48, 64),
        (72, 96, 64),
    ] {
        let (a, b) = (v(rows * depth * 4, 1.0), v(depth * 64, 1.0));
        let mut o = vec![0.0; rows * 64];
        for (name, left, into) in [
            ("row set", Left { values: &a, row: depth, step: 1 }, 0),
            ("row add", Left { values: &a, row: depth, step: 1 }, 1),
            ("col add", Left { values: &a, row: 1, step: rows }, 1),
        ] {
            let ms = best(20, || {
                for _ in 0..200 {
                    multiply(
                        set,
                        left,
                        &b,
                        64,
                        (rows, depth, cols),
                        if into == 0 { Into::Set } else { Into::Add },
                        &mut o,
                        64,
                    );
                }
            }) / 200.0;
            println!("{name} {rows} {depth} {cols}: {:.1} GF", 2.0 * (rows * depth * cols) as f64 / ms / 1e6);
        }
    }
}
pub fn products() {
    use foci_kernels::product::*;
    for t in [724usize] {
        let d = 64;
        let (x, w, b) = (v(t * d, 1.0), v(d * d, 1.0), v(d, 1.0));
        let mut y = vec![0.0; t * d];
        let mut dw = vec![0.0; d * d];
        let f = 2.0 * (t * d * d) as f64 / 1e6;
        let mut s = vec![
            0.0;
            4 * linear_weight_gradient_scratch(t, d, d)
                + linear_input_gradient_scratch(t, d, d)
                + linear_scratch(t, d, d)
        ];
        let ms = best(3, || linear(&Serial, &x, &w, Some(&b), t, d, d, &mut y, &mut s));
        println!("linear {t} {:.1}", f / ms);
        let ms = best(3, || linear_input_gradient(&Serial, &x, &w, t, d, d, &mut y, &mut s));
        println!("input {t} {:.1}", f / ms);
        let ms = best(3, || linear_weight_gradient(&Serial, &x, &x, t, d, d, &mut dw, &mut s));
        println!("weight {t} {:.1}", f / ms);
    }
    use foci_kernels::{attention::*, dropout::Dropout};
    for (n, b, rate) in [(107usize, 128usize, 0.0), (107, 128, 0.1)] {
        let (d, t) = (64, n * b);
        let o: Vec<i32> = (0..=b).map(|i| (i * n) as i32).collect();
        let (q, k, vv, dout) = (v(t * d, 1.0), v(t * d, 1.0), v(t * d, 1.0), v(t * d, 1.0));
        let (mut out, mut lse) = (vec![0.0; t * d], vec![0.0; t]);
        let dr = Dropout { rate, seed: 1, draw: 2 };
        let f = (b * n * n * d) as f64 * 2.0 / 1e6;
        let ms = best(150, || attention(&Serial, &q, &k, &vv, &o, &o, d, 1, &dr, &mut out, &mut lse));
        println!("attention {n} {b} {rate}: {ms:.2} ms {:.1}", f / ms);
        let (mut a1, mut a2, mut a3) = (vec![0.0; t * d], vec![0.0; t * d], vec![0.0; t * d]);
        let ms = best(150, || {
            attention_gradient(&Serial, &q, &k, &vv, &out, &lse, &dout, &o, &o, d, 1, &dr, &mut a1, &mut a2, &mut a3)
        });
        println!("  gradient {ms:.2} ms {:.1}", 2.5 * f / ms);
    }
}
