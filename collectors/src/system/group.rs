//! What a group is, and the macro that makes groups and their configuration out of one list.
//!
//! The settings of a group are a type beside its sampler. [`groups!`] makes a member of that type in
//! [`Config`], named as the group is; so a setting is `collectors.system.<group>.<setting>`, and serde and
//! schemars know it as they know any other key. The flags are made from the schema of the settings
//! ([`super::setting`]).

use std::time::Duration;

use vigie_pipeline::clock::Clock;
use vigie_pipeline::commons::Commons;
use vigie_pipeline::plug::{Error, Part, Sampler, Sampling};
use vigie_pipeline::recipe::Recipe;

use super::absent::{self, UntilFound};
use super::config::Roots;
use super::registry::Config;
use super::setting::Setting;

/// One group.
#[derive(Debug)]
pub struct Group {
    /// node_exporter's name of the collector.
    pub name: &'static str,
    /// Whether it is on unless the configuration disables it.
    pub on: bool,
    /// What it measures, in a line.
    pub about: &'static str,
    pub(super) settings: fn(&str) -> Vec<Setting>,
    pub(super) recipe: fn(&Self, &Config) -> Recipe,
}

/// What a group is given besides its roots and its settings.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// Both clocks.
    pub(super) clock: Clock,
    /// How long it may take before it is cut.
    pub(super) deadline: Duration,
    /// Over how long it looks for a trend.
    pub(super) exhaustion_window: Duration,
    /// What it shares with other parts.
    pub(super) commons: Commons,
}

impl Group {
    /// Its settings, in the order of their names.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        (self.settings)(self.name)
    }

    pub(super) fn recipe(&self, config: &Config) -> Recipe {
        (self.recipe)(self, config)
    }

    /// The recipe of a group that is made from `settings`: a change elsewhere does not rebuild it.
    pub(super) fn part<C, S>(
        &self,
        config: &Config,
        settings: &C,
        new: fn(&Roots, &C, &Around) -> Result<S, Error>,
    ) -> Recipe
    where
        C: Clone + PartialEq + Send + Sync + 'static,
        S: Sampler + 'static,
    {
        let all = (config.roots(), config.deadline, config.exhaustion_window, settings.clone());
        let is_seldom = absent::is_likely(self.name);
        Recipe::new("system", self.name, &all, move |(roots, deadline, window, settings), surroundings| {
            let around = Around {
                clock: surroundings.clock.clone(),
                deadline: deadline.0,
                exhaustion_window: window.0,
                commons: surroundings.commons.clone(),
            };
            let sampler = new(roots, settings, &around)?;
            let sampler: Box<dyn Sampler> =
                if is_seldom { Box::new(UntilFound::new(sampler, around.clock)) } else { Box::new(sampler) };
            Ok(Part::Sampler(Sampling { sampler, deadline: deadline.0 }))
        })
    }

    pub(super) fn is_wanted(&self, config: &Config) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == self.name);
        (self.on || named(&config.enable)) && !named(&config.disable)
    }
}

/// Makes the table of groups and the `Config` that has a member for each group with settings.
macro_rules! groups {
    ($($name:ident, $on:ident, $about:literal $(, $settings:ty)? => $new:expr;)*) => {
        /// Every group, in the order of their names.
        pub(in crate::system) static GROUPS: &[Group] = &[$($crate::system::group::groups!(@group $name, $on, $about, $new $(, $settings)?)),*];

        /// The `collectors.system` section.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config {
            /// Where procfs is mounted.
            pub procfs: FilePath,
            /// Where sysfs is mounted.
            pub sysfs: FilePath,
            /// Where the host's root is mounted, if not at `/`: the mount points are below it.
            pub rootfs: FilePath,
            /// Where udev keeps what it knows of block devices.
            pub udev_data: FilePath,
            /// Groups beyond the default ones, by node_exporter's collector names.
            pub enable: Vec<String>,
            /// Default groups to leave out.
            pub disable: Vec<String>,
            /// How long a group may take; one that hangs is cut, marked, and not asked again until it returns.
            pub deadline: HumanDuration,
            /// Over how long `vigie_exhaustion_seconds` looks for a trend; 0 is not at all.
            pub exhaustion_window: HumanDuration,
            $($(
                #[doc = concat!("Settings of the group `", stringify!($name), "`: ", $about, ".")]
                pub $name: $settings,
            )?)*
        }

        impl Default for Config {
            fn default() -> Self {
                let $crate::system::config::Roots { procfs, sysfs, rootfs, udev_data } = $crate::system::config::Roots::default();
                Self {
                    procfs,
                    sysfs,
                    rootfs,
                    udev_data,
                    enable: Vec::new(),
                    disable: Vec::new(),
                    deadline: HumanDuration::secs(5),
                    exhaustion_window: HumanDuration::secs(3600),
                    $($($name: <$settings>::default(),)?)*
                }
            }
        }

        impl Check for Config {
            fn check(&self, at: &mut Place<'_>) {
                $crate::system::config::check(self, at);
                $($(Check::check(&self.$name as &$settings, &mut at.key(stringify!($name)));)?)*
            }
        }
    };
    (@group $name:ident, $on:ident, $about:literal, $new:expr, $settings:ty) => {
        Group {
            name: stringify!($name),
            on: $crate::system::group::groups!(@$on),
            about: $about,
            settings: $crate::system::setting::Setting::all::<$settings>,
            recipe: |group, config| group.part(config, &config.$name, $new),
        }
    };
    (@group $name:ident, $on:ident, $about:literal, $new:expr) => {
        Group {
            name: stringify!($name),
            on: $crate::system::group::groups!(@$on),
            about: $about,
            settings: |_| Vec::new(),
            recipe: |group, config| group.part(config, &(), $new),
        }
    };
    (@on) => { true };
    (@off) => { false };
}
pub(super) use groups;
