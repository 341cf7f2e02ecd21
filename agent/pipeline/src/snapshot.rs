//! The newest page of every part: what a scrape reads.
//!
//! Parts publish into their [`Slot`] whenever they like; readers take the pages that are there and hold
//! nobody up. Samplers that are read only when somebody asks are asked through [`Snapshot::refresh`],
//! which the driver answers.
//!
//! One part may have thousands of slots, one for each of its targets: they come and go by number, and names
//! are counted, so that neither making nor dropping one looks at the others.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    number: u64,
    place: Arc<Place>,
    home: Snapshot,
}

#[derive(Debug)]
struct Place {
    collector: Arc<str>,
    page: ArcSwapOption<Page>,
}

/// The places there are.
#[derive(Debug, Default)]
struct Places {
    /// By their numbers, which only grow: they are read in the order in which they were made.
    by_number: BTreeMap<u64, Arc<Place>>,
    next: u64,
    /// How many places each collector has.
    collectors: BTreeMap<Arc<str>, usize>,
}

impl Places {
    fn add(&mut self, collector: Arc<str>) -> (u64, Arc<Place>) {
        let place = Arc::new(Place { collector: Arc::clone(&collector), page: ArcSwapOption::empty() });
        let number = self.next;
        self.next += 1;
        self.by_number.insert(number, Arc::clone(&place));
        *self.collectors.entry(collector).or_default() += 1;
        (number, place)
    }

    fn remove(&mut self, number: u64) {
        let Some(place) = self.by_number.remove(&number) else { return };
        if let Some(count) = self.collectors.get_mut(&place.collector) {
            *count -= 1;
            if *count == 0 {
                self.collectors.remove(&place.collector);
            }
        }
    }
}

impl Slot {
    /// Another place of the same collector, empty, that is read after those there are.
    #[must_use]
    pub fn sibling(&self) -> Self {
        self.home.slot(Arc::clone(&self.place.collector))
    }

    /// Replaces the page in one step, and gives back an empty one to fill next: the old one itself
    /// where no reader holds it.
    #[must_use]
    pub fn publish(&self, mut page: Page) -> Page {
        page.trim();
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
        self.home.places_mut().remove(self.number);
    }
}

/// The newest page of every part. Cheap to clone; clones are the same snapshot.
#[derive(Debug, Clone)]
pub struct Snapshot {
    places: Arc<RwLock<Places>>,
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
        let (number, place) = self.places_mut().add(collector.into());
        Slot { number, place, home: self.clone() }
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
        self.places().collectors.keys().cloned().collect()
    }

    /// What is there now, without waiting for anybody, in the order in which the slots were made.
    #[must_use]
    pub fn read(&self, selection: &Selection) -> Vec<Published> {
        let places = self.places();
        let mut published = Vec::with_capacity(places.by_number.len());
        // Places of one collector mostly stand together: it is asked for once.
        let mut last: Option<(&Arc<str>, bool)> = None;
        for place in places.by_number.values() {
            let wanted = match last {
                Some((collector, wanted)) if Arc::ptr_eq(collector, &place.collector) => wanted,
                _ => selection.wants(&place.collector),
            };
            last = Some((&place.collector, wanted));
            if wanted && let Some(page) = place.page.load_full() {
                published.push(Published { collector: Arc::clone(&place.collector), page });
            }
        }
        published
    }

    fn places(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn places_mut(&self) -> RwLockWriteGuard<'_, Places> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
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
    fn siblings_are_read_in_the_order_they_were_made_and_each_leaves_for_itself() {
        let (snapshot, _requests) = Snapshot::new();
        let first = snapshot.slot("probes");
        let other = snapshot.slot("cpu");
        let mut siblings: Vec<Slot> = (0..4).map(|_| first.sibling()).collect();
        let _ = other.publish(page(9.0));
        // Published in another order than made.
        for (number, slot) in siblings.iter().enumerate().rev() {
            let _ = slot.publish(page(number as f64));
        }
        assert_eq!(values(&snapshot, &Selection::default()), [9.0, 0.0, 1.0, 2.0, 3.0]);
        drop(siblings.remove(1));
        drop(first);
        let _ = siblings[0].sibling().publish(page(7.0));
        let last = siblings[0].sibling();
        let _ = last.publish(page(8.0));
        let probes = Selection { collect: vec!["probes".into()], exclude: vec![] };
        assert_eq!(values(&snapshot, &probes), [0.0, 2.0, 3.0, 8.0]);
        assert_eq!(values(&snapshot, &Selection { exclude: probes.collect, ..Selection::default() }), [9.0]);
    }

    #[test]
    fn a_collector_is_named_as_long_as_it_has_a_slot() {
        let (snapshot, _requests) = Snapshot::new();
        let probes = snapshot.slot("probes");
        let cpu = snapshot.slot("cpu");
        let other = probes.sibling();
        let again = snapshot.slot("probes");
        assert_eq!(snapshot.collectors(), ["cpu".into(), "probes".into()]);
        drop((probes, again, cpu));
        assert_eq!(snapshot.collectors(), ["probes".into()]);
        drop(other);
        assert!(snapshot.collectors().is_empty());
    }

    #[test]
    fn ten_thousand_slots_come_and_go() {
        const SLOTS: usize = 10_000;
        let (snapshot, _requests) = Snapshot::new();
        let first = snapshot.slot("probes");
        let mut slots: Vec<Slot> = (0..SLOTS).map(|_| first.sibling()).collect();
        for (number, slot) in slots.iter().enumerate() {
            let _ = slot.publish(page(number as f64));
        }
        // Every second one goes: what is left is in order.
        let mut number = 0;
        slots.retain(|_| {
            number += 1;
            number % 2 == 0
        });
        let left = values(&snapshot, &Selection::default());
        assert_eq!(left.len(), SLOTS / 2);
        assert!(left.is_sorted());
        drop(slots);
        assert!(values(&snapshot, &Selection::default()).is_empty());
        assert_eq!(snapshot.collectors().len(), 1);
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
