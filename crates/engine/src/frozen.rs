//! Weights of artefacts, shared by all threads of the process and freed with their last handle.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use crate::buffer::Buffer;
use crate::fault::{Fault, Result};
use crate::shape::Shape;
use crate::tensor::Kind;

/// An artefact's hash and the name of a weight in it.
type Key = (String, String);

static REGISTRY: LazyLock<Mutex<HashMap<Key, Weak<Weights>>>> = LazyLock::new(Mutex::default);

/// Read-only values, registered under their key while a handle lives.
#[derive(Debug)]
pub struct Weights {
    key: Key,
    pub kind: Kind,
    pub shape: Shape,
    pub buffer: Buffer,
}

impl Drop for Weights {
    fn drop(&mut self) {
        let mut registry = registry();
        // Another thread may have put the same weights back since the last handle went.
        if registry.get(&self.key).is_some_and(|weak| weak.strong_count() == 0) {
            registry.remove(&self.key);
        }
    }
}

/// The weights that the process holds under this key.
pub fn find(artefact: &str, name: &str) -> Option<Arc<Weights>> {
    registry().get(&(artefact.to_owned(), name.to_owned()))?.upgrade()
}

/// Puts weights into the process, or finds the ones that are there.
pub fn put(artefact: &str, name: &str, kind: Kind, shape: Shape, buffer: Buffer) -> Result<Arc<Weights>> {
    let key = (artefact.to_owned(), name.to_owned());
    let fresh = Arc::new(Weights { key: key.clone(), kind, shape, buffer });
    let mut registry = registry();
    let Some(held) = registry.get(&key).and_then(Weak::upgrade) else {
        registry.insert(key, Arc::downgrade(&fresh));
        return Ok(fresh);
    };
    // `fresh` and a refused `held` lock the registry when they go.
    drop(registry);
    if (held.shape, held.kind) == (shape, kind) {
        return Ok(held);
    }
    let held = format!("{} of {}", held.shape, held.kind);
    Err(Fault::shape(format!("{name} {shape} of {kind} is already held as {held} for this artefact")))
}

fn registry() -> MutexGuard<'static, HashMap<Key, Weak<Weights>>> {
    // A map of weak references is whole whatever its holder was doing.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::FreeLists;

    fn weights(values: &[f32]) -> Buffer {
        let mut buffer = FreeLists::new().exact::<f32>(values.len()).unwrap();
        buffer.values_mut(values.len()).copy_from_slice(values);
        buffer
    }

    #[test]
    fn threads_share_weights_until_the_last_goes() {
        let shape = Shape::new(&[2]).unwrap();
        let here = put("shared", "item", Kind::F32, shape, weights(&[1.0, 2.0])).unwrap();
        let there = std::thread::spawn(|| find("shared", "item").unwrap()).join().unwrap();
        assert!(Arc::ptr_eq(&here, &there));
        drop(here);
        assert_eq!(find("shared", "item").unwrap().buffer.values::<f32>(2), [1.0, 2.0]);
        drop(there);
        assert!(find("shared", "item").is_none());
        assert!(!registry().contains_key(&("shared".to_owned(), "item".to_owned())));
    }

    #[test]
    fn a_second_freeze_finds_the_first() {
        let shape = Shape::new(&[1]).unwrap();
        let first = put("twice", "bias", Kind::F32, shape, weights(&[1.0])).unwrap();
        let second = put("twice", "bias", Kind::F32, shape, weights(&[9.0])).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(second.buffer.values::<f32>(1), [1.0]);
        assert!(put("twice", "bias", Kind::F32, Shape::SCALAR, weights(&[1.0])).is_err());
        assert!(find("twice", "item").is_none());
    }
}
