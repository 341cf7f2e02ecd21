//! How a part is built, as often as needed: at start, after a panic, after its section has changed.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::batch::Signal;
use crate::legacy::Legacy;
use crate::plug::{Error, Part, Surroundings};
use crate::spool::Settings;

/// A configuration of any type, comparable to others.
trait Configuration: Any + Send + Sync {
    fn equals(&self, other: &dyn Configuration) -> bool;
}

impl<C: PartialEq + Any + Send + Sync> Configuration for C {
    fn equals(&self, other: &dyn Configuration) -> bool {
        (other as &dyn Any).downcast_ref::<C>().is_some_and(|other| self == other)
    }
}

type Build = dyn Fn(&Surroundings) -> Result<Part, Error> + Send + Sync;

/// See the module. Two recipes of one name are the same part if their configurations are equal.
#[derive(Clone)]
pub struct Recipe {
    /// The kind of part, as the configuration calls its section: `system`, `logs`, `otlp`.
    pub kind: &'static str,
    /// Its name within the kind: of a system group, a log source, an exporter.
    pub name: Arc<str>,
    /// The signals that it takes, if it is an exporter.
    pub takes: Vec<Signal>,
    /// What its queues keep in files; `None` if they keep nothing there.
    pub spool: Option<Settings>,
    /// All of its configuration, to be compared and never shown: it may hold secrets.
    config: Arc<dyn Configuration>,
    build: Arc<Build>,
    legacy: Legacy,
}

impl Recipe {
    /// A part of `kind` called `name` that is built from `config`.
    pub fn new<C: PartialEq + Clone + Send + Sync + 'static>(
        kind: &'static str,
        name: impl Into<Arc<str>>,
        config: &C,
        build: impl Fn(&C, &Surroundings) -> Result<Part, Error> + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(config.clone());
        let kept = Arc::clone(&config);
        Self {
            kind,
            name: name.into(),
            takes: Vec::new(),
            spool: None,
            config,
            build: Arc::new(move |surroundings| build(&kept, surroundings)),
            legacy: Legacy::default(),
        }
    }

    /// The same for an exporter that takes these signals.
    #[must_use]
    pub fn taking(mut self, signals: &[Signal]) -> Self {
        self.takes = signals.to_vec();
        self
    }

    /// The same with queues that keep what waits in files.
    #[must_use]
    pub fn spooled(mut self, spool: Option<Settings>) -> Self {
        self.spool = spool;
        self
    }

    /// Builds the part.
    ///
    /// # Errors
    /// What stands in its way: the supervisor says so and tries again later.
    pub fn build(&self, surroundings: &Surroundings) -> Result<Part, Error> {
        (self.build)(&Surroundings { legacy: self.legacy.clone(), ..surroundings.clone() })
    }

    /// The same for a part that takes the place of the one of `before`, and gets what that leaves.
    #[must_use]
    pub fn following(mut self, before: &Self) -> Self {
        self.legacy = before.legacy.clone();
        self
    }

    /// Whether `other` would build the same part.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.name == other.name
            && self.takes == other.takes
            && self.config.equals(&*other.config)
    }

    /// Kind and name: unique among the parts of one configuration.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipe").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn recipe(name: &str, password: &str) -> Recipe {
        Recipe::new("otlp", name, &Secret::new(password), |_, _| Err("not built here".into()))
    }

    #[test]
    fn a_part_is_the_same_as_long_as_all_of_its_configuration_is() {
        assert!(recipe("a", "x").is_same(&recipe("a", "x")));
        assert!(!recipe("a", "x").is_same(&recipe("a", "y")));
        assert!(!recipe("a", "x").is_same(&recipe("b", "x")));
        assert!(!recipe("a", "x").is_same(&recipe("a", "x").taking(&[Signal::Logs])));
    }
}
