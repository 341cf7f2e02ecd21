//! The read side as the daemon sees it: opened, moved to another address, closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::info;
use vigie_config::Server as Config;
use vigie_pipeline::plug::Error;
use vigie_pipeline::stop::{Stopper, stop};

use super::{Routes, Server};

/// How long the old listener may take to give its address back.
const HANDOVER: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Front {
    routes: Arc<Routes>,
    config: Config,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Front {
    /// Listens as `config` says, or on the socket that was inherited, and answers from `routes`.
    ///
    /// # Errors
    /// When the address cannot be had, or the files of the web configuration not be read.
    pub(crate) async fn open(
        config: &Config,
        inherited: Option<std::net::TcpListener>,
        routes: Arc<Routes>,
    ) -> Result<Self, Error> {
        let server = Server::bind(config, inherited).await;
        let server = server.map_err(|error| format!("listen on {}: {error}", config.listen))?;
        let url = server.url()?;
        let metrics = routes.metrics_path.load();
        info!(address = url, "listening; open it for what is here, or scrape {url}{metrics}");
        drop(metrics);
        let (stopper, stop) = stop();
        let task = tokio::spawn(server.serve(Arc::clone(&routes), stop));
        Ok(Self { routes, config: config.clone(), stopper, task })
    }

    /// Listens as a changed `config` says. The old listener goes when the new one is there, or, where both want
    /// the same address, just before.
    ///
    /// # Errors
    /// As [`Front::open`]; then everything is as before.
    pub(crate) async fn change(&mut self, config: &Config) -> Result<(), Error> {
        if *config == self.config {
            return Ok(());
        }
        let moves = config.listen != self.config.listen;
        if !moves {
            self.stopper.stop();
        }
        let opened = self.take_over(config, moves).await;
        let (front, refused) = match opened {
            Ok(front) => (front, None),
            Err(error) if moves => return Err(error),
            Err(error) => {
                let before = self.config.clone();
                (self.take_over(&before, false).await?, Some(error))
            }
        };
        // The old one still gives its last answers, the one to a request for this very reload among them.
        std::mem::replace(self, front).stopper.stop();
        refused.map_or(Ok(()), Err)
    }

    async fn take_over(&self, config: &Config, moves: bool) -> Result<Self, Error> {
        let until = Instant::now() + HANDOVER;
        loop {
            match Self::open(config, None, Arc::clone(&self.routes)).await {
                Err(_) if !moves && Instant::now() < until => sleep(Duration::from_millis(20)).await,
                opened => return opened,
            }
        }
    }

    /// Answers scrapes at this path from now on.
    pub(crate) fn serve_metrics_at(&self, path: &str) {
        if self.routes.metrics_path.load().as_str() != path {
            self.routes.metrics_path.store(Arc::new(path.to_owned()));
        }
    }

    /// Takes no more requests; returns when the last answers are given.
    pub(crate) async fn close(self) {
        self.stopper.stop();
        let _ = self.task.await;
    }
}
