//! Lifetimes: handles, scopes, variables, reuse.

use foci_engine::{Arena, Code};

fn floats(arena: &mut Arena, values: &[f32]) -> u32 {
    arena.from_f32(values.len(), &[values.len() as u32], |to| to.copy_from_slice(values)).unwrap()
}

/// The code with which a read of `id` is refused.
fn refusal(arena: &Arena, id: u32) -> Code {
    arena.read_f32(id).unwrap_err().code
}

#[test]
fn a_scope_frees_its_tensors_and_hands_on_the_kept_ones() {
    let mut arena = Arena::default();
    arena.open_scope();
    let outer = floats(&mut arena, &[1.0]);
    arena.open_scope();
    let (kept, freed) = (floats(&mut arena, &[2.0]), floats(&mut arena, &[3.0]));
    arena.close_scope(&[kept]).unwrap();
    assert_eq!(arena.read_f32(kept).unwrap(), [2.0]);
    assert_eq!(refusal(&arena, freed), Code::Freed);
    arena.close_scope(&[]).unwrap();
    assert_eq!(refusal(&arena, kept), Code::Freed);
    assert_eq!(refusal(&arena, outer), Code::Freed);
    assert_eq!(arena.memory()[0], 0.0);
}

#[test]
fn keeping_what_is_not_the_scopes_own_changes_nothing() {
    let mut arena = Arena::default();
    let variable = arena.variable(&[1]).unwrap();
    arena.open_scope();
    let outer = floats(&mut arena, &[1.0]);
    arena.open_scope();
    arena.close_scope(&[outer, variable]).unwrap();
    assert_eq!(arena.read_f32(outer).unwrap(), [1.0]);
    arena.close_scope(&[]).unwrap();
    assert_eq!(refusal(&arena, outer), Code::Freed);
    assert_eq!(arena.read_f32(variable).unwrap(), [0.0]);
}

#[test]
fn keeping_what_was_freed_is_a_fault_and_keeps_nothing() {
    let mut arena = Arena::default();
    arena.open_scope();
    let outer = floats(&mut arena, &[1.0]);
    for invented in [false, true] {
        arena.open_scope();
        let (live, freed) = (floats(&mut arena, &[2.0]), floats(&mut arena, &[3.0]));
        arena.release(freed);
        let fault = arena.close_scope(&[live, if invented { 0 } else { freed }]).unwrap_err();
        let what = if invented { "is no tensor" } else { "was freed" };
        assert_eq!((fault.code, fault.to_string()), (Code::Freed, format!("closeScope: a kept tensor {what}")));
        assert_eq!(refusal(&arena, live), Code::Freed);
    }
    assert_eq!(arena.read_f32(outer).unwrap(), [1.0]);
    arena.close_scope(&[]).unwrap();
    assert_eq!(refusal(&arena, outer), Code::Freed);
}

#[test]
fn the_outermost_scope_keeps_nothing() {
    let mut arena = Arena::default();
    arena.open_scope();
    let x = floats(&mut arena, &[1.0]);
    assert_eq!(arena.close_scope(&[x]).unwrap_err().code, Code::NoScope);
    assert_eq!(refusal(&arena, x), Code::Freed);
    assert_eq!(arena.close_scope(&[]).unwrap_err().code, Code::NoScope);
}

#[test]
fn tensors_need_a_scope_and_variables_do_not() {
    let mut arena = Arena::default();
    let variable = arena.variable(&[2]).unwrap();
    assert_eq!(arena.read_f32(variable).unwrap(), [0.0, 0.0]);
    let fault = arena.add(variable, variable).unwrap_err();
    assert_eq!((fault.code, fault.op), (Code::NoScope, "add"));
    assert_eq!(arena.from_i32(1, &[1], |to| to.fill(1)).unwrap_err().code, Code::NoScope);
    arena.open_scope();
    arena.close_scope(&[]).unwrap();
    arena.write(variable, 2, |to| to.copy_from_slice(&[1.0, 2.0])).unwrap();
    assert_eq!(arena.read_f32(variable).unwrap(), [1.0, 2.0]);
    arena.release(variable);
    assert_eq!(refusal(&arena, variable), Code::Freed);
}

#[test]
fn what_lasts_takes_no_more_than_it_needs_and_none_of_it_is_kept() {
    let mut arena = Arena::default();
    // 1,601 numbers are 6,404 bytes: 101 lines of 64.
    let variable = arena.variable(&[1601]).unwrap();
    assert_eq!(arena.memory(), [6464.0, 0.0, 1.0]);
    let frozen = arena.freeze("exact", "item", 1601, &[1601], |to| to.fill(1.0)).unwrap();
    assert_eq!(arena.memory(), [6464.0, 0.0, 2.0]);
    [variable, frozen].into_iter().for_each(|id| arena.release(id));
    assert_eq!(arena.memory(), [0.0, 0.0, 2.0]);
}

#[test]
fn a_free_buffer_serves_floats_indices_and_scratch() {
    let mut arena = Arena::default();
    arena.open_scope();
    let ids: Vec<i32> = (0..1000).collect();
    for _ in 0..3 {
        let used = floats(&mut arena, &[7.0; 1000]);
        arena.release(used);
        let used = arena.from_i32(1000, &[1000], |to| to.copy_from_slice(&ids)).unwrap();
        assert_eq!(arena.read_i32(used).unwrap(), ids);
        arena.release(used);
    }
    assert_eq!(arena.memory()[2], 1.0);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of tensors")]
fn what_was_needed_once_goes_back_to_the_system() {
    let mut arena = Arena::default();
    let mut step = |length: usize| {
        arena.open_scope();
        floats(&mut arena, &vec![1.0; length]);
        arena.close_scope(&[]).unwrap();
        arena.memory()
    };
    assert!(step(1_000_000)[1] >= 4e6);
    let later: Vec<[f64; 3]> = (0..5000).map(|_| step(100)).collect();
    // 400 bytes are in the class of 448.
    assert_eq!(later[4999], [0.0, 448.0, 2.0]);
    assert_eq!(later[4999][2], later[0][2]);
}

#[test]
fn only_variables_are_written() {
    let mut arena = Arena::default();
    arena.open_scope();
    let tensor = floats(&mut arena, &[1.0]);
    let frozen = arena.freeze("written", "item", 1, &[1], |to| to.fill(5.0)).unwrap();
    for id in [tensor, frozen] {
        assert_eq!(arena.write(id, 1, |to| to.fill(2.0)).unwrap_err().code, Code::Shape);
    }
    let [parameter, moment] = [1, 1].map(|n| arena.variable(&[n]).unwrap());
    assert_eq!(
        arena.adam(frozen, moment, parameter, tensor, 0.1, 0.9, 0.999, 1e-8, 0.0, 1.0, 1.0).unwrap_err().code,
        Code::Shape
    );
    assert_eq!(
        arena.adam(parameter, moment, moment, tensor, 0.1, 0.9, 0.999, 1e-8, 0.0, 1.0, 1.0).unwrap_err().code,
        Code::Shape
    );
    assert_eq!(arena.read_f32(frozen).unwrap(), [5.0]);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of tensors")]
fn a_stale_handle_names_no_other_tensor_for_many_lives_of_its_slot() {
    let mut arena = Arena::default();
    arena.open_scope();
    let stale = floats(&mut arena, &[1.0]);
    arena.release(stale);
    let slot = stale & 0xffff;
    let mut lives = 0;
    for _ in 0..20_000 {
        let next = floats(&mut arena, &[2.0]);
        lives += u32::from(next & 0xffff == slot);
        assert_ne!(next, stale);
        assert_eq!(refusal(&arena, stale), Code::Freed);
        arena.release(next);
    }
    // The slot rests behind 1,024 others: 20,000 tensors give it 19 more lives of the 65,535 that it has.
    assert!((18..=20).contains(&lives), "{lives}");
}

#[test]
fn zero_and_invented_handles_name_nothing() {
    let mut arena = Arena::default();
    arena.open_scope();
    for id in [0, 1, 65_535, 65_536, u32::MAX] {
        assert_eq!(refusal(&arena, id), Code::Freed);
        arena.release(id);
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of tensors")]
fn all_slots_taken_is_a_fault_and_freeing_one_helps() {
    let mut arena = Arena::default();
    arena.open_scope();
    let first = floats(&mut arena, &[]);
    for _ in 1..65_536 - 1024 {
        floats(&mut arena, &[]);
    }
    assert_eq!(arena.from_f32(0, &[0], |_| {}).unwrap_err().code, Code::Memory);
    arena.release(first);
    assert_ne!(floats(&mut arena, &[]), first);
}

#[test]
fn a_steady_loop_allocates_nothing() {
    let mut arena = Arena::default();
    let step = |arena: &mut Arena| {
        arena.open_scope();
        for &length in if cfg!(miri) { &[3, 50][..] } else { &[3, 50, 700, 5000] } {
            let a = floats(arena, &vec![1.0; length]);
            let b = arena.add(a, a).unwrap();
            arena.softmax(b).unwrap();
        }
        arena.close_scope(&[]).unwrap();
    };
    step(&mut arena);
    let [live, kept, allocations] = arena.memory();
    assert!(live == 0.0 && kept > 0.0 && allocations > 0.0);
    (0..if cfg!(miri) { 3 } else { 100 }).for_each(|_| step(&mut arena));
    assert_eq!(arena.memory(), [live, kept, allocations]);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of tensors")]
fn a_successor_knows_no_handle_of_the_arena_before() {
    let mut before = Arena::default();
    before.open_scope();
    let old: Vec<u32> = (0..2000).map(|_| floats(&mut before, &[1.0])).collect();
    old[..1500].iter().for_each(|&id| before.release(id));
    let mut after = before.successor();
    after.open_scope();
    let new: Vec<u32> = (0..3000).map(|_| floats(&mut after, &[2.0])).collect();
    assert!(old.iter().all(|id| !new.contains(id) && after.read_f32(*id).is_err()));
}

#[test]
fn frozen_weights_live_as_long_as_a_hold() {
    let mut arena = Arena::default();
    assert_eq!(arena.frozen("held", "item").unwrap(), 0);
    let first = arena.freeze("held", "item", 2, &[2], |to| to.copy_from_slice(&[1.0, 2.0])).unwrap();
    let second = arena.frozen("held", "item").unwrap();
    assert_ne!(first, second);
    arena.release(first);
    assert_eq!(arena.read_f32(second).unwrap(), [1.0, 2.0]);
    arena.release(second);
    assert_eq!(arena.frozen("held", "item").unwrap(), 0);
}
