//! The newest page of every part: what a scrape reads.
//!
//! Parts publish into their [`Slot`] whenever they like; readers take the pages that are there and hold
//! nobody up. Samplers that are read only when somebody asks are asked through [`Snapshot::refresh`],
//! which the driver answers.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwapOption;
use tokio::sync::{mpsc, oneshot};

use crate::page::Page;

/// Which collectors a reader wants: `collect[]=` and `exclude[]=`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these, if there are any.
    pub collect: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
}

impl Selection {
    /// Whether it wants the collector of that name.
    #[must_use]
    pub fn wants(&self, collector: &str) -> bool {
        (self.collect.is_empty() || self.collect.iter().any(|name| name == collector))
            && !self.exclude.iter().any(|name| name == collector)
    }
}

/// A reader waits for fresh values of what it has selected. Dropping it lets the reader go on.
#[derive(Debug)]
pub struct Refresh {
    /// What the reader wants.
    pub selection: Selection,
    /// Told when the values are as fresh as they get.
    pub done: oneshot::Sender<()>,
}

/// One part's place in the snapshot. Its values leave when it is dropped.
#[derive(Debug)]
pub struct Slot {
    place: Arc<Place>,
    home: Snapshot,
}

#[derive(Debug)]
struct Place {
    collector: Arc<str>,
    page: ArcSwapOption<Page>,
}

impl Slot {
    /// Replaces the page in one step, and gives back an empty one to fill next: the old one itself
    /// where no reader holds it.
    #[must_use]
    pub fn publish(&self, page: Page) -> Page {
        let old = self.place.page.swap(Some(Arc::new(page)));
        let mut page = old.and_then(Arc::into_inner).unwrap_or_default();
        page.clear();
        page
    }

    /// Takes the values away, because they are no longer true.
    pub fn withdraw(&self) {
        self.place.page.store(None);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut places = self.home.places.write().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

/// The newest page of every part. Cheap to clone; clones are the same snapshot.
#[derive(Debug, Clone)]
pub struct Snapshot {
    places: Arc<RwLock<Vec<Arc<Place>>>>,
    refresh: mpsc::Sender<Refresh>,
}

/// A published page with the collector it comes from.
#[derive(Debug, Clone)]
pub struct Published {
    /// The name that `collect[]` asks for.
    pub collector: Arc<str>,
    /// Its values.
    pub page: Arc<Page>,
}

/// How many readers may wait for the driver at once; more wait to be let in.
const WAITING_READERS: usize = 64;

impl Snapshot {
    /// An empty snapshot, and the requests that the driver answers.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Refresh>) {
        let (refresh, requests) = mpsc::channel(WAITING_READERS);
        (Self { places: Arc::default(), refresh }, requests)
    }

    /// A place for a part's values. `collector` is what `collect[]` asks for.
    #[must_use]
    pub fn slot(&self, collector: impl Into<Arc<str>>) -> Slot {
        let place = Arc::new(Place { collector: collector.into(), page: ArcSwapOption::empty() });
        self.places.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&place));
        Slot { place, home: self.clone() }
    }

    /// Waits until what is sampled on demand is fresh, or as fresh as its deadline allows.
    pub async fn refresh(&self, selection: Selection) {
        let (done, fresh) = oneshot::channel();
        if self.refresh.send(Refresh { selection, done }).await.is_ok() {
            // An error means that the driver is gone: what is there is what there is.
            let _ = fresh.await;
        }
    }

    /// The names that `collect[]` may ask for, each once, in alphabetical order.
    #[must_use]
    pub fn collectors(&self) -> Vec<Arc<str>> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let names: BTreeSet<Arc<str>> = places.iter().map(|place| Arc::clone(&place.collector)).collect();
        names.into_iter().collect()
    }

    /// What is there now, without waiting for anybody.
    #[must_use]
    pub fn read(&self, selection: &Selection) -> Vec<Published> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        places
            .iter()
            .filter(|place| selection.wants(&place.collector))
            .filter_map(|place| {
                let page = place.page.load_full()?;
                Some(Published { collector: Arc::clone(&place.collector), page })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::metric::Family;
    use crate::page::Labels;

    static UP: Family = Family::gauge("up", "Up.");

    fn page(value: f64) -> Page {
        let mut page = Page::default();
        page.set(&UP, Labels::NONE, value);
        page
    }

    fn values(snapshot: &Snapshot, selection: &Selection) -> Vec<f64> {
        let first = |p: Published| p.page.families().next().unwrap().1.next().unwrap().value;
        snapshot.read(selection).into_iter().map(first).collect()
    }

    #[test]
    fn the_newest_page_wins_and_a_reader_keeps_the_one_it_has() {
        let (snapshot, _requests) = Snapshot::new();
        let slot = snapshot.slot("cpu");
        assert!(slot.publish(page(1.0)).is_empty());
        let held = snapshot.read(&Selection::default());
        let spare = slot.publish(page(2.0));
        assert!(spare.is_empty());
        assert_eq!(held[0].page.families().next().unwrap().1.next().unwrap().value, 1.0);
        assert_eq!(values(&snapshot, &Selection::default()), [2.0]);
    }

    #[test]
    fn a_dropped_slot_takes_its_series_along() {
        let (snapshot, _requests) = Snapshot::new();
        let cpu = snapshot.slot("cpu");
        let stat = snapshot.slot("stat");
        let _ = cpu.publish(page(1.0));
        let _ = stat.publish(page(2.0));
        drop(cpu);
        assert_eq!(values(&snapshot, &Selection::default()), [2.0]);
        stat.withdraw();
        assert!(values(&snapshot, &Selection::default()).is_empty());
    }

    #[test]
    fn a_selection_collects_and_excludes_by_name() {
        let only = Selection { collect: vec!["cpu".into()], exclude: vec![] };
        let but = Selection { collect: vec![], exclude: vec!["cpu".into()] };
        assert!(only.wants("cpu") && !only.wants("stat"));
        assert!(!but.wants("cpu") && but.wants("stat"));
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_driver_but_not_for_a_driver_that_is_gone() {
        let (snapshot, mut requests) = Snapshot::new();
        let driver = tokio::spawn(async move {
            requests.recv().await.unwrap().done.send(()).unwrap();
        });
        snapshot.refresh(Selection::default()).await;
        driver.await.unwrap();
        snapshot.refresh(Selection::default()).await;
    }
}
