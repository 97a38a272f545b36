//! Things that several points need, made once and kept while they are in use.

use pulvinar_ir::Diagnostic;
use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Why something is not there.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The input is at fault: nothing can be said of the point.
    Input(Diagnostic),
    /// The point is.
    Point(Diagnostic),
    /// A bug of ours, in its own words.
    Crash(String),
    /// The time of the point was over; nothing is kept.
    Late(String),
}

/// A thing that is shared, or why there is none.
pub type Made<T> = std::result::Result<Arc<T>, Fault>;
type Slot<T> = Arc<OnceLock<Made<T>>>;

/// A few things by name, the least recently used forgotten. Who asks for one that is being made waits for it.
pub struct Recent<T> {
    room: usize,
    slots: Mutex<VecDeque<(String, Slot<T>)>>,
}

impl<T> Recent<T> {
    /// Room for so many, at least one.
    pub fn new(room: usize) -> Self {
        Recent { room: room.max(1), slots: Mutex::new(VecDeque::new()) }
    }

    /// The thing of this name, made if nobody has.
    pub fn get(&self, name: &str, make: impl FnOnce() -> std::result::Result<T, Fault>) -> Made<T> {
        let slot = {
            let mut slots = lock(&self.slots);
            let at = slots.iter().position(|(n, _)| n == name);
            let entry = at
                .and_then(|i| slots.remove(i))
                .unwrap_or_else(|| (name.to_owned(), Arc::new(OnceLock::new())));
            let slot = entry.1.clone();
            slots.push_front(entry);
            slots.truncate(self.room);
            slot
        };
        let make = || guarded(|| make().map(Arc::new)).unwrap_or_else(|crash| Err(Fault::Crash(crash)));
        let made = slot.get_or_init(make).clone();
        if matches!(made, Err(Fault::Late(_))) {
            let mut slots = lock(&self.slots);
            slots.retain(|(_, s)| !Arc::ptr_eq(s, &slot));
        }
        made
    }
}

/// Locks, whatever became of the thread that held it last.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Evaluations under way, whose panics are results of points.
static GUARDED: AtomicUsize = AtomicUsize::new(0);

/// True while points are evaluated: a panic is then recorded with its point and does not end the program.
pub fn panics_are_recorded() -> bool {
    GUARDED.load(Ordering::Relaxed) > 0
}

/// Runs something; its panic, if any, in words.
pub fn guarded<T>(run: impl FnOnce() -> T) -> std::result::Result<T, String> {
    GUARDED.fetch_add(1, Ordering::Relaxed);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    GUARDED.fetch_sub(1, Ordering::Relaxed);
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        format!("panicked: {}", text.unwrap_or_else(|| "without words".to_owned()))
    })
}
