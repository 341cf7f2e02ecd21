//! The routes that a source has told of: numbered, and bounded.
//!
//! Whoever scans a site for holes asks for thousands of paths that are not there. So paths of which nothing is known
//! but that they were not found take up at most a quarter of the places; one that is found later keeps its place.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::route;
use super::templates::Templates;

/// The number of a route.
pub(crate) type RouteId = u16;

/// What has no place of its own.
pub(crate) const OTHER: RouteId = 0;

/// The most that `max_routes` and own templates can be.
pub(crate) const MOST_ROUTES: usize = 10_000;

const NOT_FOUND: u16 = 404;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    templates: Templates,
    /// By number; the templates come first, behind what is `other`.
    routes: Vec<Known>,
    numbers: HashMap<Box<str>, RouteId, RandomState>,
    most: usize,
    /// How many places are taken by what was never found.
    unfound: usize,
    scratch: String,
}

#[derive(Debug, Clone)]
struct Known {
    name: Box<str>,
    /// Whether it was ever answered with something else than that it is not there.
    found: bool,
}

impl Routes {
    /// At most `most` routes besides the templates.
    pub(crate) fn new(templates: Templates, most: usize) -> Self {
        let other = Known { name: "other".into(), found: true };
        let own = templates.names().iter().map(|name| Known { name: name.as_str().into(), found: true });
        let routes: Vec<Known> = std::iter::once(other).chain(own).collect();
        let most = (routes.len() + most).min(usize::from(RouteId::MAX));
        let numbers =
            routes.iter().zip(0..).skip(1).map(|(known, number)| (known.name.clone(), number)).collect();
        Self { templates, routes, numbers, most, unfound: 0, scratch: String::new() }
    }

    /// The route of a request for `path`, which was answered with `status`; what the application itself calls its
    /// route comes in as `named`.
    pub(crate) fn of(&mut self, path: Option<&str>, named: Option<&str>, status: u16) -> RouteId {
        match (named, path) {
            (Some(name), _) => {
                self.scratch.clear();
                self.scratch.push_str(crate::series::table::cut(name));
            }
            (None, Some(path)) => {
                if let Some(template) = self.templates.find(path) {
                    return template as RouteId + 1;
                }
                route::normalise(path, &mut self.scratch);
            }
            (None, None) => return OTHER,
        }
        let found = status != NOT_FOUND;
        if let Some(number) = self.numbers.get(self.scratch.as_str()) {
            let known = &mut self.routes[usize::from(*number)];
            if found && !known.found {
                known.found = true;
                self.unfound -= 1;
            }
            return *number;
        }
        self.add(found)
    }

    fn add(&mut self, found: bool) -> RouteId {
        let own = 1 + self.templates.names().len();
        let most_unfound = (self.most - own).div_ceil(4);
        if self.routes.len() >= self.most || !found && self.unfound >= most_unfound {
            return OTHER;
        }
        let number = self.routes.len() as RouteId;
        let name: Box<str> = self.scratch.as_str().into();
        self.numbers.insert(name.clone(), number);
        self.routes.push(Known { name, found });
        self.unfound += usize::from(!found);
        number
    }

    /// As [`Self::name`], but for what has no place of its own.
    pub(crate) fn name_of(&self, route: RouteId) -> Option<&str> {
        (route != OTHER).then(|| self.name(route))
    }

    pub(crate) fn name(&self, route: RouteId) -> &str {
        &self.routes[usize::from(route)].name
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn routes(templates: &[&str], most: usize) -> Routes {
        let names: Vec<String> = templates.iter().map(|name| (*name).to_owned()).collect();
        Routes::new(Templates::new(&names).unwrap(), most)
    }

    fn named(routes: &mut Routes, path: &str, status: u16) -> String {
        let number = routes.of(Some(path), None, status);
        routes.name(number).to_owned()
    }

    #[test]
    fn own_templates_come_first_and_take_no_place() {
        let mut routes = routes(&["/users/{user}"], 1);
        assert_eq!(named(&mut routes, "/users/7", 200), "/users/{user}");
        assert_eq!(named(&mut routes, "/items/7", 200), "/items/{id}");
        assert_eq!(named(&mut routes, "/items/8", 200), "/items/{id}");
        assert_eq!(named(&mut routes, "/more", 200), "other");
        assert_eq!(named(&mut routes, "/users/8", 404), "/users/{user}");
    }

    #[test]
    fn the_route_that_the_application_names_is_taken_as_it_is() {
        let mut routes = routes(&[], 10);
        let number = routes.of(Some("/users/7"), Some("/users/:user"), 200);
        assert_eq!(routes.name(number), "/users/:user");
        assert_eq!(routes.of(None, None, 400), OTHER);
    }

    #[test]
    fn a_scan_leaves_places_for_what_is_there() {
        let mut routes = routes(&[], 8);
        for path in ["/wp-login.php", "/.env", "/.git/config", "/phpmyadmin"] {
            named(&mut routes, path, 404);
        }
        assert_eq!(named(&mut routes, "/.env", 404), "/.env");
        assert_eq!(named(&mut routes, "/.git/config", 404), "other");
        for letter in 'a'..='f' {
            let path = format!("/{letter}");
            assert_eq!(named(&mut routes, &path, 200), path);
        }
        assert_eq!(named(&mut routes, "/one-more", 200), "other");
    }

    #[test]
    fn what_is_found_later_gives_its_place_back_to_what_is_not() {
        let mut routes = routes(&[], 8);
        for (path, status) in [("/a", 404), ("/b", 404), ("/a", 200)] {
            named(&mut routes, path, status);
        }
        assert_eq!(named(&mut routes, "/c", 404), "/c");
        assert_eq!(named(&mut routes, "/d", 404), "other");
        assert_eq!(named(&mut routes, "/a", 404), "/a");
    }

    proptest! {
        #[test]
        fn they_are_never_more_than_asked_for(
            requests in proptest::collection::vec(("(/[a-d]{1,2}){1,2}", prop_oneof![Just(200u16), Just(404)]), 0..200),
            most in 1usize..20,
        ) {
            let mut routes = routes(&[], most);
            let mut seen = std::collections::BTreeSet::new();
            for (path, status) in requests {
                let name = named(&mut routes, &path, status);
                prop_assert!(name == path || name == "other");
                if name != "other" {
                    seen.insert(name);
                }
            }
            prop_assert!(seen.len() <= most);
            prop_assert!(routes.unfound <= most.div_ceil(4));
        }
    }
}
