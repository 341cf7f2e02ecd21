//! What parts have in common: something dear that several of them need, made once.
//!
//! The first part that asks makes it, the others get the same, and it goes with the last that holds it. The pipeline
//! does not know what it is.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// See the module. Cheap to clone; clones are the same commons.
#[derive(Clone, Default)]
pub struct Commons(Arc<Mutex<Vec<Weak<dyn Any + Send + Sync>>>>);

impl Commons {
    /// The thing of this type that `is_it` recognises and somebody holds; else what `make` makes. Neither may ask the
    /// commons in turn.
    ///
    /// # Errors
    /// What `make` fails with.
    pub fn share<T: Any + Send + Sync, E>(
        &self,
        is_it: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        things.retain(|thing| thing.strong_count() > 0);
        let held = things.iter().filter_map(|thing| thing.upgrade()?.downcast::<T>().ok());
        if let Some(found) = held.into_iter().find(|thing| is_it(thing)) {
            return Ok(found);
        }
        let made = Arc::new(make()?);
        let thing: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(&made);
        things.push(Arc::downgrade(&thing));
        Ok(made)
    }
}

impl fmt::Debug for Commons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_tuple("Commons").field(&things.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn what_somebody_holds_is_made_once() {
        let commons = Commons::default();
        let share = |text: &str| {
            let made = commons.share(|held: &String| held == text, || Ok::<_, Infallible>(text.to_owned()));
            made.unwrap()
        };
        let (one, other) = (share("one"), share("other"));
        assert!(Arc::ptr_eq(&one, &share("one")) && !Arc::ptr_eq(&one, &other));
        let number = commons.share(|_: &u32| true, || Ok::<_, Infallible>(7)).unwrap();
        assert_eq!(*number, 7, "another type is another thing");
        assert_eq!(format!("{commons:?}"), "Commons(3)");
    }

    #[test]
    fn it_goes_with_the_last_that_holds_it_and_what_cannot_be_made_is_not_there() {
        let commons = Commons::default();
        let make = |made: Result<u32, &'static str>| commons.share(|_: &u32| true, || made);
        assert_eq!(make(Err("no")), Err("no"));
        let held = make(Ok(1)).unwrap();
        assert_eq!(*make(Ok(2)).unwrap(), 1);
        drop(held);
        assert_eq!(*make(Ok(3)).unwrap(), 3);
    }
}
