use foci_kernels::simd::{matrix::*, *};
use std::time::Instant;
fn main() {
    let set = instructions();
    let d = 64; let keys = 64;
    let k = vec![1.0f32; keys * d]; let q = vec![0.5f32; d * 16]; let mut w = vec![0.0f32; keys * 16]; let mut s = vec![0.0f32; d * 16];
    let mut dv = vec![0.0f32; keys * 64];
    let t = |name: &str, f: &mut dyn FnMut(), flop: f64| { let mut best = f64::MAX; for _ in 0..20 { let s = Instant::now(); for _ in 0..1000 { f() } best = best.min(s.elapsed().as_secs_f64() / 1000.0) } println!("{name}: {:.0} ns, {:.1} GFLOP/s", best * 1e9, flop / best / 1e9) };
    let fl = 2.0 * 64.0 * 64.0 * 16.0;
    t("scores", &mut || multiply(set, Left { values: &k, row: d, step: 1 }, &q, 16, (keys, d, 16), Into::Set, &mut w, 16), fl);
    t("mix", &mut || multiply(set, Left { values: &k, row: 1, step: d }, &w, 16, (d, keys, 16), Into::Add, &mut s, 16), fl);
    t("spread", &mut || multiply(set, Left { values: &w, row: 16, step: 1 }, &q, 64, (keys, 16, 64), Into::Set, &mut dv, 64), fl);
    t("spread add", &mut || multiply(set, Left { values: &w, row: 16, step: 1 }, &q, 64, (keys, 16, 64), Into::Add, &mut dv, 64), fl);
    let mut r = vec![0.0f32; d * 16];
    t("transpose", &mut || transpose::to_lanes(set, &q, &mut r), 0.0);
}
