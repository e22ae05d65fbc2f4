//! Programs: operations recorded once, run on other inputs.

use foci_engine::{Arena, Code, Id, Program};

const WIDTH: u32 = 4;

fn ints(arena: &mut Arena, values: &[i32]) -> Id {
    arena.from_i32(values.len(), &[values.len() as u32], |to| to.copy_from_slice(values)).unwrap()
}

fn freeze(arena: &mut Arena, name: &str, rows: u32) -> Id {
    let count = (rows * WIDTH) as usize;
    let fill = |to: &mut [f32]| to.iter_mut().enumerate().for_each(|(i, x)| *x = (i * 7 % 11) as f32 - 5.0);
    arena.freeze("programs", name, count, &[rows, WIDTH], fill).unwrap()
}

/// What is recorded: of a table's rows by ids, the means of each segment's, times a matrix.
fn compute(arena: &mut Arena, [ids, offsets]: [Id; 2], [table, matrix]: [Id; 2]) -> Id {
    let rows = arena.gather(table, ids).unwrap();
    let mixed = arena.attention(rows, rows, rows, offsets, offsets, 2, 0.0, 0, 0).unwrap()[0];
    let product = arena.linear(mixed, matrix, 0).unwrap();
    arena.add(product, rows).unwrap()
}

fn recorded(arena: &mut Arena, weights: [Id; 2]) -> Option<Program> {
    arena.open_scope();
    let inputs = [ints(arena, &[1, 2]), ints(arena, &[0, 2])];
    arena.begin_program(&inputs).unwrap();
    let made = compute(arena, inputs, weights);
    let program = arena.end_program(&[made]);
    arena.close_scope(&[]).unwrap();
    program
}

#[test]
fn a_program_does_on_any_thread_what_was_recorded() {
    let mut arena = Arena::default();
    let weights = [freeze(&mut arena, "table", 9), freeze(&mut arena, "matrix", WIDTH)];
    let program = recorded(&mut arena, weights).unwrap();
    for (ids, offsets) in [(vec![8, 0, 3, 3, 5], vec![0, 1, 1, 5]), (vec![], vec![0]), (vec![2], vec![0, 1])] {
        arena.open_scope();
        let inputs = [ints(&mut arena, &ids), ints(&mut arena, &offsets)];
        let expected = compute(&mut arena, inputs, weights);
        let there = std::thread::scope(|scope| {
            let run = || {
                let mut arena = Arena::default();
                arena.open_scope();
                let made = program.run(&mut arena, &[&ids, &offsets]).unwrap();
                let values = arena.copy_f32(made[0]).unwrap();
                let held = arena.memory()[0];
                arena.close_scope(&[]).unwrap();
                assert_eq!(arena.memory()[0], 0.0);
                (values, held)
            };
            scope.spawn(run).join().unwrap()
        });
        assert_eq!(arena.read_f32(expected).unwrap(), there.0);
        assert!(there.1 <= arena.memory()[0], "no more is held than without a program");
        arena.close_scope(&[]).unwrap();
    }
}

#[test]
fn weights_live_as_long_as_a_program() {
    let mut arena = Arena::default();
    let weights = [freeze(&mut arena, "lasting table", 9), freeze(&mut arena, "lasting matrix", WIDTH)];
    let program = recorded(&mut arena, weights).unwrap();
    weights.iter().for_each(|&id| arena.release(id));
    assert_ne!(arena.frozen("programs", "lasting table").unwrap(), 0);
    let again = arena.frozen("programs", "lasting table").unwrap();
    arena.release(again);
    drop(program);
}

#[test]
fn what_depends_on_the_host_is_no_program() {
    let mut arena = Arena::default();
    let weights = [freeze(&mut arena, "own table", 9), freeze(&mut arena, "own matrix", WIDTH)];
    type Body = fn(&mut Arena, Id, [Id; 2]) -> Id;
    let strange: [(&str, Body); 5] = [
        ("reads values", |arena, rows, _| {
            assert!(!arena.read_f32(rows).unwrap().is_empty());
            rows
        }),
        ("looks at a shape", |arena, rows, _| {
            assert_eq!(arena.shape(rows).unwrap().len(), 2);
            rows
        }),
        ("brings values of its own", |arena, rows, _| {
            let own = arena.from_f32(8, &[2, WIDTH], |to| to.fill(1.0)).unwrap();
            arena.add(rows, own).unwrap()
        }),
        ("asks for a number", |arena, rows, _| {
            arena.squared_norm(rows).unwrap();
            rows
        }),
        ("gives weights that it never read", |_, _, [_, matrix]| matrix),
    ];
    for (what, body) in strange {
        arena.open_scope();
        let ids = ints(&mut arena, &[1, 2]);
        arena.begin_program(&[ids]).unwrap();
        let rows = arena.gather(weights[0], ids).unwrap();
        let made = body(&mut arena, rows, weights);
        assert!(arena.end_program(&[made]).is_none(), "{what}");
        arena.close_scope(&[]).unwrap();
    }
    arena.open_scope();
    let ids = ints(&mut arena, &[1, 2]);
    arena.begin_program(&[ids]).unwrap();
    assert_eq!(arena.shape(weights[0]).unwrap(), [9, WIDTH]);
    let rows = arena.gather(weights[0], ids).unwrap();
    assert!(arena.end_program(&[rows]).is_some(), "the shape of weights is the same in every run");
    arena.close_scope(&[]).unwrap();
}

#[test]
fn faults_are_those_of_the_operations() {
    let mut arena = Arena::default();
    let weights = [freeze(&mut arena, "a table", 9), freeze(&mut arena, "a matrix", WIDTH)];
    let program = recorded(&mut arena, weights).unwrap();
    arena.open_scope();
    let fault = program.run(&mut arena, &[&[9], &[0, 1]]).unwrap_err();
    assert_eq!(fault.code, Code::Range);
    assert!(fault.to_string().starts_with("gather: "), "{fault}");
    let fault = program.run(&mut arena, &[&[1]]).unwrap_err();
    assert_eq!(
        (fault.code, fault.to_string()),
        (Code::Range, "program: 1 inputs are given where 2 were recorded".into())
    );
    let floats = arena.from_f32(1, &[1], |to| to.fill(0.0)).unwrap();
    assert_eq!(arena.begin_program(&[floats]).unwrap_err().code, Code::Shape);
    assert!(arena.end_program(&[]).is_none());
    arena.close_scope(&[]).unwrap();
}
