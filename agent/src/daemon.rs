//! The daemon: builds everything once, then answers signals, reloads and the watchdog until told to end.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};
use vigie_collectors::probes::blackbox::Blackbox;
use vigie_config::watch::{Patience, Watch};
use vigie_config::{Loaded, Origin};
use vigie_exporters::prometheus::Exposition;
use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::ledger::Ledger;
use vigie_pipeline::otlp::envelope;
use vigie_pipeline::outlet::{Switch, Trunk};
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::snapshot::{Selection, Snapshot};

use crate::exit::Exit;
use crate::memory;
use crate::reload::{self, Outcomes, Reloader};
use crate::server::{Front, ReloadRequest, Routes};
use crate::signals::{self, Asked};
use crate::supervisor::Supervisor;
use crate::systemd::{self, Manager};
use crate::{driver, limits, logging, resource, telemetry};

/// Threads that serve connections; sampling and file reading have their own.
const WORKERS: usize = 2;
/// How long a part may take to stop when its section has changed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Loads the configuration, runs until told to end, and says how it went.
pub(crate) fn run(origin: Origin) -> Exit {
    let loaded = match origin.load() {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            // There is no log yet: how it is to look is in the configuration that cannot be read.
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{mistakes}");
            return Exit::Config;
        }
    };
    let runtime =
        match Builder::new_multi_thread().worker_threads(WORKERS).thread_name("vigie").enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                use std::io::Write;
                let _ = writeln!(std::io::stderr(), "start the runtime: {error}");
                return Exit::Failure;
            }
        };
    let exit = start(&runtime, origin, loaded);
    // What is still blocked in the kernel is not waited for.
    runtime.shutdown_background();
    exit
}

fn start(runtime: &Runtime, origin: Origin, loaded: Loaded) -> Exit {
    let attributes = resource::attributes(&loaded.config);
    let own = telemetry::spans(&loaded.config.agent.service, attributes.clone(), runtime.handle());
    let (spans, layer, trouble) = match own {
        Ok(Some((spans, layer))) => (Some(spans), Some(layer), None),
        Ok(None) => (None, None, None),
        Err(error) => (None, None, Some(error.to_string())),
    };
    let log = logging::start(&loaded.config.agent.log, layer);
    if let Some(error) = trouble {
        warn!("own spans are not sent: {error}");
    }
    let encoded = resource::encoded(&attributes);
    let exit = match runtime.block_on(serve(origin, loaded, log, encoded)) {
        Ok(exit) => exit,
        Err(error) => {
            error!("{error}");
            Exit::Failure
        }
    };
    if let Some(spans) = spans {
        spans.end();
    }
    exit
}

async fn serve(
    origin: Origin,
    loaded: Loaded,
    log: logging::Control,
    resource: bytes::Bytes,
) -> Result<Exit, Error> {
    limits::raise_open_files();
    let mut asked = signals::listen().map_err(|error| format!("listen to signals: {error}"))?;
    let manager = Manager::of_environment();
    let config = Arc::new(loaded.config.clone());
    let budget = Budget::new(config.agent.memory_limit.bytes());
    let surroundings = Surroundings {
        resource,
        scope: envelope::scope("vigie", env!("CARGO_PKG_VERSION")),
        ..Surroundings::new(&config.agent.state_dir, Clock::system(), budget)
    };
    let Surroundings { clock, instruments, budget, readiness, dependencies, .. } = surroundings.clone();
    let first_samples = readiness.latch("first samples");

    let (snapshot, requests) = Snapshot::new();
    let (driver, handle) = driver::driver(&snapshot, requests, clock.clone());
    let driving = tokio::spawn(driver.run());
    let trunk = Trunk { switch: Switch::default(), budget, ledger: Ledger::new(&instruments) };
    let blackbox = Arc::new(Blackbox::new(surroundings.clone()));
    reload::apply_blackbox(&blackbox, &config)?;
    let mut supervisor = Supervisor::new(surroundings, trunk, snapshot.clone(), handle, PATIENCE);

    let (reload, mut reloads) = mpsc::channel::<ReloadRequest>(4);
    let routes = Arc::new(Routes {
        metrics_path: ArcSwap::from_pointee(config.exporters.prometheus.path.clone()),
        exposition: Exposition::new(snapshot.clone(), &instruments),
        snapshot: snapshot.clone(),
        readiness: readiness.clone(),
        dependencies,
        blackbox: Arc::clone(&blackbox),
        reload,
    });
    let mut front = Front::open(&config.server, systemd::inherited_listener(), Arc::clone(&routes)).await?;

    // Before the first samples: these series are there from the first scrape on.
    let outcomes = Outcomes::new(&instruments, clock);
    supervisor.apply(reload::recipes(&config)).await;
    snapshot.refresh(Selection::default()).await;
    drop(first_samples);
    manager.ready();
    info!(files = loaded.files.len(), "ready");
    memory::give_back();

    let mut watch = Watch::new(&loaded.watched, Patience::default());
    let mut reloader = Reloader { origin, current: config, outcomes, blackbox, log };
    let mut alive = interval(manager.watchdog.unwrap_or(Duration::from_secs(3600)));
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let told: Option<ReloadRequest> = tokio::select! {
            signal = asked.recv() => match signal {
                Some(Asked::Reload) => None,
                Some(Asked::Stop) | None => break,
            },
            request = reloads.recv() => request,
            () = watch.changed() => None,
            _ = alive.tick() => {
                manager.alive();
                continue;
            }
        };
        manager.reloading();
        let outcome = reloader.reload(&mut supervisor, &mut front).await.map(|(words, loaded)| {
            watch.follow(&loaded.watched);
            words
        });
        manager.ready();
        memory::give_back();
        if let Some(told) = told {
            // An error means that who asked has gone away.
            let _ = told.send(outcome);
        }
    }

    let grace = reloader.current.agent.shutdown_grace.0;
    info!(?grace, "ending: delivering what is left; a second signal ends at once");
    manager.stopping();
    let _ending = readiness.latch("ending");
    let exit = tokio::select! {
        _delivered = supervisor.shut_down(grace) => Exit::Ok,
        () = second(&mut asked) => {
            warn!("ended at once by a second signal");
            Exit::Failure
        }
    };
    front.close().await;
    driving.abort();
    Ok(exit)
}

/// Waits for a second signal to end.
async fn second(asked: &mut mpsc::Receiver<Asked>) {
    while let Some(signal) = asked.recv().await {
        if signal == Asked::Stop {
            return;
        }
    }
    std::future::pending().await
}
