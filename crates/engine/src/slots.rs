//! Handles: 16 bits of generation above 16 bits of slot. 0 is never one, since generations start at 1.

use std::collections::VecDeque;

use crate::fault::{Code, Fault, Result};
use crate::tensor::Tensor;

/// Slots that rest before the first of them is used again. Each use takes a new generation, so a stale handle names
/// another tensor after 65,535 rounds of at least this many tensors: tens of millions.
const RESTING: usize = 1024;
const SLOTS: usize = 1 << 16;
/// Tensors at a time: the rest of the slots rest.
const LIVE: usize = SLOTS - RESTING;

/// Who frees a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Its scope.
    Scope,
    /// Whoever holds it: variables and frozen weights.
    Holder,
}

#[derive(Debug)]
pub struct Entry {
    pub tensor: Tensor,
    pub owner: Owner,
    /// Set while its scope closes around it.
    pub kept: bool,
}

#[derive(Debug)]
struct Slot {
    generation: u16,
    entry: Option<Entry>,
}

#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<Slot>,
    free: VecDeque<u16>,
}

impl Slots {
    pub fn insert(&mut self, tensor: Tensor, owner: Owner) -> Result<u32> {
        let entry = Some(Entry { tensor, owner, kept: false });
        if self.slots.len() - self.free.len() >= LIVE {
            return Err(Fault::memory(format!("all {LIVE} tensors that an engine can hold are live")));
        }
        let reused = if self.free.len() > RESTING { self.free.pop_front() } else { None };
        match reused {
            Some(slot) => {
                self.slots[slot as usize].entry = entry;
                Ok(handle(slot, self.slots[slot as usize].generation))
            }
            None => {
                self.slots.push(Slot { generation: 1, entry });
                Ok(handle((self.slots.len() - 1) as u16, 1))
            }
        }
    }

    pub fn get(&self, id: u32) -> Option<&Entry> {
        let slot = self.slots.get(slot_of(id))?;
        slot.entry.as_ref().filter(|_| slot.generation == generation_of(id))
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(slot_of(id))?;
        slot.entry.as_mut().filter(|_| slot.generation == generation_of(id))
    }

    /// What `id` names; `argument` is what the operation calls it.
    pub fn expect(&self, id: u32, argument: &str) -> Result<&Entry> {
        self.get(id).ok_or_else(|| missing(id, argument))
    }

    /// Takes the tensor out and makes its handle stale; None where it already is.
    pub fn remove(&mut self, id: u32) -> Option<Tensor> {
        self.get(id)?;
        let slot = &mut self.slots[slot_of(id)];
        slot.generation = next(slot.generation);
        self.free.push_back(slot_of(id) as u16);
        slot.entry.take().map(|entry| entry.tensor)
    }

    /// Distinct tensors at once. Errors: `FREED`, and `SHAPE` where two ids are one tensor.
    pub fn disjoint<const N: usize>(&mut self, ids: [u32; N]) -> Result<[&mut Tensor; N]> {
        for id in ids {
            self.expect(id, "an argument")?;
        }
        let Ok(slots) = self.slots.get_disjoint_mut(ids.map(slot_of)) else {
            return Err(Fault::shape("two arguments are one tensor; each must be its own"));
        };
        Ok(slots.map(|slot| &mut slot.entry.as_mut().expect("checked above").tensor))
    }

    /// Empty slots in which every handle of these is stale.
    pub fn successors(&self) -> Self {
        let slots = self.slots.iter().map(|slot| Slot { generation: next(slot.generation), entry: None });
        Self { slots: slots.collect(), free: (0..self.slots.len()).map(|slot| slot as u16).collect() }
    }
}

/// The fault of a handle that names nothing.
fn missing(id: u32, argument: &str) -> Fault {
    match id {
        0 => Fault::new(Code::Freed, format!("{argument} is no tensor")),
        _ => Fault::new(Code::Freed, format!("{argument} was freed")),
    }
}

fn handle(slot: u16, generation: u16) -> u32 {
    u32::from(generation) << 16 | u32::from(slot)
}

fn slot_of(id: u32) -> usize {
    (id & 0xffff) as usize
}

fn generation_of(id: u32) -> u16 {
    (id >> 16) as u16
}

fn next(generation: u16) -> u16 {
    generation.checked_add(1).unwrap_or(1)
}
