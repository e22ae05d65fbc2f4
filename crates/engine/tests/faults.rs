//! What operations refuse: never a crash, and nothing is made or changed.

use foci_engine::{Arena, Code, Fault};

/// An arena with an open scope.
fn arena() -> Arena {
    let mut arena = Arena::default();
    arena.open_scope();
    arena
}

fn floats(arena: &mut Arena, shape: &[u32]) -> u32 {
    arena.from_f32(shape.iter().product::<u32>() as usize, shape, |to| to.fill(0.5)).unwrap()
}

fn ids(arena: &mut Arena, values: &[i32]) -> u32 {
    arena.from_i32(values.len(), &[values.len() as u32], |to| to.copy_from_slice(values)).unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Fault>, code: Code, message: &str) {
    let fault = result.unwrap_err();
    assert_eq!((fault.code, fault.to_string().as_str()), (code, message));
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let mut e = arena();
    let (a, b, row) = (floats(&mut e, &[2, 3]), floats(&mut e, &[3, 2]), floats(&mut e, &[2]));
    let scalar = floats(&mut e, &[]);
    refused(e.add(a, b), Code::Shape, "add: a [2, 3] and b [3, 2] must have one shape");
    refused(e.scale_by(a, row), Code::Shape, "scaleBy: s [2] must be [], a scalar");
    refused(e.add_row(a, row), Code::Shape, "addRow: row [2] must be [3], the width of x");
    refused(e.softmax(scalar), Code::Shape, "softmax: x [] must have at least one axis");
    refused(e.linear(a, a, 0), Code::Shape, "linear: w [2, 3] must be [3, 3], as many rows as x has columns");
    refused(e.linear(a, b, scalar), Code::Shape, "linear: bias [] must be [2], the columns of w");
    refused(e.linear(a, row, 0), Code::Shape, "linear: w [2] must have two axes");
    refused(e.inner(a, b), Code::Shape, "inner: b [3, 2] must be [3, 3], as wide as a");
    refused(e.from_f32(1, &[2], |_| {}), Code::Shape, "fromFloat32: 1 values do not fill the shape [2], which has 2");
    refused(e.variable(&[1; 5]), Code::Shape, "variable: a shape of 5 axes; at most 4 are possible");
}

#[test]
fn types_that_do_not_fit_are_named() {
    let mut e = arena();
    let (x, i) = (floats(&mut e, &[1]), ids(&mut e, &[0]));
    refused(e.add(x, i), Code::Shape, "add: b [1] holds i32; f32 is due");
    refused(e.positions(x), Code::Shape, "positions: offsets [1] holds f32; i32 is due");
    refused(e.write(i, 1, |_| {}), Code::Shape, "write: variable is no variable: its values never change");
}

#[test]
fn freed_arguments_are_named() {
    let mut e = arena();
    let (a, b) = (floats(&mut e, &[1]), floats(&mut e, &[1]));
    e.release(b);
    refused(e.add(a, b), Code::Freed, "add: b was freed");
    refused(e.softmax(0), Code::Freed, "softmax: x is no tensor");
    refused(
        e.adam(a, a, a, b, 0.1, 0.9, 0.9, 1e-8, 0.0, 1.0, 1.0),
        Code::Shape,
        "adam: parameter is no variable: its values never change",
    );
    refused(e.shape(b).map(<[u32]>::len), Code::Freed, "shape: tensor was freed");
}

#[test]
fn ids_outside_their_table_are_named() {
    let mut e = arena();
    let (table, h) = (floats(&mut e, &[4, 2]), floats(&mut e, &[2, 2]));
    let [below, above] = [[0, -1], [4, 0]].map(|values| ids(&mut e, &values));
    refused(e.gather(table, below), Code::Range, "gather: ids[1] is -1, outside the 4 rows of table");
    refused(e.gather(table, above), Code::Range, "gather: ids[0] is 4, outside the 4 rows of table");
    refused(
        e.cross_entropy(h, table, above, 0),
        Code::Range,
        "crossEntropy: targets[0] is 4, outside the 4 rows of items",
    );
    refused(e.scatter(h, above, 4), Code::Range, "scatter: ids[0] is 4, outside the 4 rows of the result");
    let falling = ids(&mut e, &[1, 1]);
    refused(e.scatter(h, falling, 4), Code::Range, "scatter: ids must ascend without repeats; 1 follows 1 at 1");
    refused(
        e.merge_rows(h, falling, h, falling),
        Code::Range,
        "mergeRows: aIds must ascend without repeats; 1 follows 1 at 1",
    );
}

#[test]
fn optimisers_check_rows_and_steps() {
    let mut e = arena();
    let [p, m, v] = [(); 3].map(|()| e.variable(&[2, 2]).unwrap());
    let (rows, at) = (floats(&mut e, &[1, 2]), ids(&mut e, &[2]));
    let step = |e: &mut Arena, at, step| e.adam_rows(p, m, v, rows, at, 0.1, 0.9, 0.9, 1e-8, 0.0, step, 1.0);
    refused(step(&mut e, at, 1.0), Code::Range, "adamRows: ids[0] is 2, outside the 2 rows of parameter");
    refused(step(&mut e, at, 0.0), Code::Range, "adamRows: step is 0; steps are whole and count from 1");
    assert_eq!(e.read_f32(p).unwrap(), [0.0; 4]);
}

#[test]
fn offsets_start_at_zero_ascend_and_end_at_the_rows() {
    let mut e = arena();
    let [late, falling, short, good] = [[1, 2], [2, 1], [0, 1], [0, 2]].map(|values| ids(&mut e, &values));
    let x = floats(&mut e, &[2, 4]);
    let none = e.from_i32(0, &[0], |_| {}).unwrap();
    refused(e.positions(late), Code::Range, "positions: offsets must start at 0, not 1");
    refused(e.positions(none), Code::Shape, "positions: offsets [0] must hold at least one offset");
    let three = ids(&mut e, &[0, 2, 1]);
    refused(e.last_rows(three), Code::Range, "lastRows: offsets must not descend; 1 follows 2 at 2");
    refused(e.last_rows(falling), Code::Range, "lastRows: offsets must start at 0, not 2");
    let attend =
        |e: &mut Arena, queries, offsets, heads, rate| e.attention(x, x, x, queries, offsets, heads, rate, 1, 1);
    refused(attend(&mut e, good, short, 2, 0.0), Code::Range, "attention: offsets must end at 2, the rows of k, not 1");
    refused(attend(&mut e, short, good, 2, 0.0), Code::Range, "attention: queries must end at 2, the rows of q, not 1");
    refused(attend(&mut e, good, good, 3, 0.0), Code::Shape, "attention: 3 heads do not divide the width of q [2, 4]");
    refused(attend(&mut e, good, good, 0, 0.0), Code::Shape, "attention: 0 heads do not divide the width of q [2, 4]");
    refused(
        attend(&mut e, good, good, 2, 1.0),
        Code::Range,
        "attention: rate is 1; a rate of dropping is at least 0 and below 1",
    );
    let [queries, events] = [[0, 2, 2], [0, 1, 2]].map(|values| ids(&mut e, &values));
    refused(
        attend(&mut e, queries, events, 2, 0.0),
        Code::Range,
        "attention: queries gives segment 0 more queries than it has events",
    );
}

#[test]
fn selection_checks_its_masks() {
    let mut e = arena();
    let (scores, seen, offsets) = (floats(&mut e, &[1, 3]), ids(&mut e, &[3]), ids(&mut e, &[0, 1]));
    refused(
        e.top_k_scores(scores, 1, seen, offsets, 0),
        Code::Range,
        "topKScores: seen[0] is 3, outside the 3 rows of items",
    );
    let (fine, words) = (ids(&mut e, &[2]), ids(&mut e, &[7, 7]));
    refused(
        e.top_k_scores(scores, 1, fine, offsets, words),
        Code::Shape,
        "topKScores: allowed [2] must be [1], a bit for each item",
    );
    refused(
        e.top_k_scores(scores, 1, fine, fine, 0),
        Code::Shape,
        "topKScores: seenOffsets [1] must be [2], one more than there are users",
    );
}

#[test]
fn sizes_that_cannot_be_had_are_refused() {
    let mut e = arena();
    let tall = e.from_f32(0, &[i32::MAX as u32, 0], |_| {}).unwrap();
    assert_eq!(e.variable(&[i32::MAX as u32, i32::MAX as u32, i32::MAX as u32]).unwrap_err().code, Code::Memory);
    assert_eq!(e.inner(tall, tall).unwrap_err().code, Code::Memory);
    let (rows, none) = (e.from_f32(0, &[0, 65_536], |_| {}).unwrap(), e.from_i32(0, &[0], |_| {}).unwrap());
    assert_eq!(e.scatter(rows, none, i32::MAX as u32).unwrap_err().code, Code::Memory);
    assert_eq!(e.scatter(rows, none, u32::MAX).unwrap_err().code, Code::Range);
}

#[test]
fn a_refusal_leaves_the_memory_as_it_was() {
    let mut e = arena();
    let (a, b) = (floats(&mut e, &[2, 3]), floats(&mut e, &[3, 2]));
    let before = e.memory();
    for _ in 0..100 {
        assert!(e.add(a, b).is_err() && e.layer_norm(a, b, b, 1e-5).is_err());
    }
    assert_eq!(e.memory(), before);
}
