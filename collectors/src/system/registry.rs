//! The groups of this operating system: all of Linux's, or the few that are known elsewhere.

use vigie_pipeline::recipe::Recipe;

#[cfg(target_os = "linux")]
use super::linux::registry::GROUPS;
#[cfg(not(target_os = "linux"))]
use super::portable::registry::GROUPS;

use super::group::Group;

#[cfg(target_os = "linux")]
pub use super::linux::registry::Config;
#[cfg(not(target_os = "linux"))]
pub use super::portable::registry::Config;

/// Every group there is on this operating system, in the order of their names.
#[must_use]
pub fn groups() -> &'static [Group] {
    GROUPS
}

/// How the groups that are wanted are built.
#[must_use]
pub fn recipes(config: &Config) -> Vec<Recipe> {
    GROUPS.iter().filter(|group| group.is_wanted(config)).map(|group| group.recipe(config)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(config: &Config) -> Vec<String> {
        recipes(config).iter().map(|recipe| recipe.name.to_string()).collect()
    }

    #[test]
    fn groups_stand_in_the_order_of_their_names_each_once() {
        assert!(GROUPS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn a_default_group_can_be_disabled() {
        assert!(names(&Config::default()).contains(&"cpu".to_owned()));
        let config = Config { disable: vec!["cpu".into()], ..Config::default() };
        assert!(!names(&config).contains(&"cpu".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_changed_setting_rebuilds_its_own_group_alone() {
        let mut changed = Config::default();
        changed.stat.softirq = true;
        let (before, after) = (recipes(&Config::default()), recipes(&changed));
        let rebuilt: Vec<_> =
            before.iter().zip(&after).filter(|(a, b)| !a.is_same(b)).map(|(a, _)| &*a.name).collect();
        assert_eq!(rebuilt, ["stat"]);
    }
}
