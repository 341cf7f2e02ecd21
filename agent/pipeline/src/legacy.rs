//! What a part leaves to the one that takes its place, when its section has changed.
//!
//! It is one thing, of a type that only parts of this kind know; they decide what of it still counts. A part that does
//! not end in order leaves nothing, and what is taken out of the configuration leaves nothing to anybody.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module. Cheap to clone; clones are the same legacy.
#[derive(Clone, Default)]
pub struct Legacy(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl Legacy {
    /// Leaves `thing`, in the place of what was left before.
    pub fn leave<T: Any + Send>(&self, thing: T) {
        *self.thing() = Some(Box::new(thing));
    }

    /// Takes what was left, if it is of this type.
    #[must_use]
    pub fn take<T: Any + Send>(&self) -> Option<T> {
        self.thing().take()?.downcast().ok().map(|thing| *thing)
    }

    fn thing(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Legacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Legacy").field(&self.thing().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_taken_once_by_who_knows_what_it_is() {
        let legacy = Legacy::default();
        assert_eq!(legacy.take::<u32>(), None);
        legacy.leave(6_u32);
        legacy.clone().leave(7_u32);
        assert_eq!((legacy.take(), legacy.take::<u32>()), (Some(7_u32), None));
        legacy.leave("text".to_owned());
        assert_eq!(legacy.take::<u32>(), None, "another type");
        assert_eq!(format!("{legacy:?}"), "Legacy(false)");
    }
}
