//! Starts and stops everything together.

use std::fs::{File, TryLockError};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use lambda_edge::Constructor;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bells::{Bells, LastRecords};
use crate::dynamodb::{self, Embedded, Storage};
use crate::events::{self, Bus};
use crate::gateway;
use crate::invoke::Functions;
use crate::listen::{self, ListenError, Listeners};
use crate::options::{Data, DynamoDb, Options};
use crate::queues::{Activity, Consumer, DeadMessage, Queues};
use crate::schedules::Timer;
use crate::start_error::{DYNAMODB, EVENTS, HTTP, StartError};
use crate::stop::Stop;
use crate::streams::{Checkpoints, FailedBatch, FailedBatches, Pace, Poller, PollerContext, Progress};
use crate::template::Template;

/// How long [`LocalStack::caught_up`] waits: longer than a passing fault takes, shorter than all retries of a batch that
/// fails for good may.
const CAUGHT_UP_LIMIT: Duration = Duration::from_secs(180);

/// How long a shutdown waits for running requests, and then for running batches.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// [`LocalStack::caught_up`] gave up waiting.
#[derive(Debug, thiserror::Error)]
#[error("not caught up after {} s; {pending} messages are in queues; the triggers have dealt with: {progress}", CAUGHT_UP_LIMIT.as_secs())]
pub struct CaughtUpError {
    pending: usize,
    progress: String,
}

/// A running stack. Dropping it stops it without waiting; [`LocalStack::stop`] is the clean way.
pub struct LocalStack {
    url: String,
    endpoint: String,
    client: Client,
    embedded: Option<Embedded>,
    gateway: Option<JoinHandle<io::Result<()>>>,
    pollers: Vec<Poller>,
    bells: Bells,
    consumers: Vec<JoinHandle<()>>,
    timers: Vec<Timer>,
    queues: Arc<Queues>,
    bus: Arc<Bus>,
    /// EventBridge's endpoint, if the template has an event bus.
    events: Option<Events>,
    failed: FailedBatches,
    stop_gateway: watch::Sender<bool>,
    /// The end of all that invokes functions by itself.
    stop_triggers: watch::Sender<bool>,
    stop_events: watch::Sender<bool>,
    /// Held as long as the folder is used.
    _lock: Option<File>,
}

struct Events {
    endpoint: String,
    server: JoinHandle<io::Result<()>>,
}

impl LocalStack {
    /// Starts everything; when it returns, tables exist and requests are answered.
    ///
    /// # Errors
    /// [`StartError`], with everything stopped again.
    pub async fn start(options: Options, functions: &[(&str, Constructor)]) -> Result<Self, StartError> {
        let template = Template::read_with(&options.template, &options.parameters)?;
        Self::start_from(template, options, functions).await
    }

    /// The same of a template that has been read already, whatever [`Options::parameters`] says, and may have been
    /// changed: without triggers, read models stay as they are.
    ///
    /// # Errors
    /// [`StartError`], with everything stopped again.
    pub async fn start_from(
        template: Template,
        options: Options,
        functions: &[(&str, Constructor)],
    ) -> Result<Self, StartError> {
        crate::metrics::record();
        let addresses = listen::addresses(options.listen.as_deref()).await?;
        let gateway_listeners = match options.remote_functions {
            Some(_) => None,
            None => Some(listen(&addresses, options.port, HTTP).await?),
        };
        let events_listeners = match template.buses.is_empty() {
            true => None,
            false => Some(listen(&addresses, options.events_port, EVENTS).await?),
        };
        let lock = match &options.data {
            Data::Memory => None,
            Data::Folder(folder) => Some(lock(folder)?),
        };
        let bells = Bells::default();
        let (embedded, config) = open_dynamodb(&options, &addresses, &bells).await?;
        let endpoint = config.endpoint_url().unwrap_or_default().to_owned();
        let client = Client::new(&config);
        let tables = |source| match &options.data {
            _ if embedded.is_none() => StartError::EndpointTables {
                endpoint: endpoint.clone(),
                source,
            },
            data => StartError::DataTables {
                folder: data.to_string(),
                source,
            },
        };
        let created = dynamodb::create(&client, embedded.as_ref(), &template.tables).await;
        created.map_err(tables)?;
        let queues = Queues::open(&client, embedded.as_ref(), &template).await;
        let queues = Arc::new(queues.map_err(tables)?);
        let bus = Arc::new(Bus::new(template.clone(), Arc::clone(&queues), options.bus_faults));
        let (stop_events, stop) = Stop::channel();
        let events = events_listeners.map(|listeners| Events {
            endpoint: listeners.url(),
            server: events::serve(&bus, listeners, stop),
        });

        let functions = Arc::new(match &options.remote_functions {
            Some(base) => Functions::remote(base),
            None => {
                let config = match &options.function_dynamodb_endpoint {
                    Some(endpoint) => config.to_builder().endpoint_url(endpoint).build(),
                    None => config.clone(),
                };
                let events_endpoint = events.as_ref().map(|events| events.endpoint.as_str());
                Functions::in_process(&template, functions, &config, &options.variables, events_endpoint)?
            }
        });
        let (stop_triggers, stop) = Stop::channel();
        let failed = FailedBatches::default();
        let last_records = LastRecords::new();
        let context = PollerContext {
            streams: aws_sdk_dynamodbstreams::Client::new(&dynamodb::streams_config(&config)),
            bells: bells.clone(),
            last_records: last_records.clone(),
            pace: match embedded {
                Some(_) => Pace::WITH_BELLS,
                None => Pace::ASKING,
            },
            functions: Arc::clone(&functions),
            checkpoints: Arc::new(checkpoints(&options.data)?),
            failed: Arc::clone(&failed),
            stop: stop.clone(),
        };
        let triggers = template
            .functions
            .iter()
            .flat_map(|function| function.triggers.iter().map(move |trigger| (function, trigger)));
        let pollers: Vec<_> = triggers
            .map(|(function, trigger)| Poller::spawn(&context, function, trigger))
            .collect();
        if let Some(embedded) = &embedded {
            let watched: Vec<_> = pollers.iter().map(|poller| poller.progress.clone()).collect();
            embedded.trim_streams_once(have_caught_up(watched));
        }
        let (mut consumers, mut timers) = (Vec::new(), Vec::new());
        for function in &template.functions {
            consumers.extend(function.queues.iter().map(|trigger| {
                let consumer = Consumer {
                    queues: Arc::clone(&queues),
                    functions: Arc::clone(&functions),
                    function: function.clone(),
                    trigger: trigger.clone(),
                    stop: stop.clone(),
                };
                consumer.spawn()
            }));
            timers.extend(function.schedules.iter().map(|schedule| {
                let functions = Arc::clone(&functions);
                Timer::spawn(
                    functions,
                    function.clone(),
                    schedule.clone(),
                    last_records.clone(),
                    stop.clone(),
                )
            }));
        }

        let (stop_gateway, stop) = Stop::channel();
        let (url, gateway) = match gateway_listeners {
            None => (options.remote_functions.unwrap_or_default(), None),
            Some(listeners) => (
                listeners.url(),
                Some(gateway::serve(listeners, template, functions, stop)),
            ),
        };
        Ok(Self {
            url,
            endpoint,
            client,
            embedded,
            gateway,
            pollers,
            bells,
            consumers,
            timers,
            queues,
            bus,
            events,
            failed,
            stop_gateway,
            stop_triggers,
            stop_events,
            _lock: lock,
        })
    }

    /// Where HTTP requests go, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the DynamoDB.
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL of EventBridge, if the template has an event bus.
    pub fn events_endpoint(&self) -> Option<&str> {
        self.events.as_ref().map(|events| events.endpoint.as_str())
    }

    /// Makes PutEvents fail from now on, until [`LocalStack::resume_bus`].
    pub fn pause_bus(&self) {
        self.bus.pause(true);
    }

    /// Ends what [`LocalStack::pause_bus`] began.
    pub fn resume_bus(&self) {
        self.bus.pause(false);
    }

    /// The messages in dead-letter queues, and in any other queue that no function takes messages from.
    pub fn dead_messages(&self) -> Vec<DeadMessage> {
        self.queues.dead()
    }

    /// A client for the DynamoDB, past [`Options::function_dynamodb_endpoint`].
    pub fn dynamodb(&self) -> Client {
        self.client.clone()
    }

    /// The batches that were given up since the start, oldest first.
    pub fn failed_batches(&self) -> Vec<FailedBatch> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns once everything that was written before the call has gone through all triggers, buses and queues, and so
    /// has all that they wrote in turn. A schedule that is being served counts; one that comes later does not.
    ///
    /// A record that is still under way, in any stream or function, is counted by its trigger before that trigger has
    /// begun and completed another round; a message is counted as pending from before it is stored until after it is
    /// handled. So when no message was pending, and no trigger has counted anything and no message was sent while each
    /// trigger did that, nothing was under way. Of a DynamoDB with reads that lag behind writes, it promises less.
    ///
    /// # Errors
    /// [`CaughtUpError`] after three minutes.
    pub async fn caught_up(&self) -> Result<(), CaughtUpError> {
        let deadline = Instant::now() + CAUGHT_UP_LIMIT;
        self.quiet_by(deadline).await.ok_or_else(|| self.not_caught_up())
    }

    /// `None` when it is not.
    async fn quiet_by(&self, deadline: Instant) -> Option<()> {
        for timer in &self.timers {
            wait_for(&timer.is_firing, deadline, |is_firing| !is_firing).await?;
        }
        loop {
            wait_for(&self.queues.activity(), deadline, |now| now.pending == 0).await?;
            let activity = *self.queues.activity().borrow();
            let progress = self.progress();
            // The first round to complete may have begun before this one did.
            for more in 1..=2 {
                self.bells.ring_all();
                for (poller, before) in self.pollers.iter().zip(&progress) {
                    wait_for(&poller.progress, deadline, |now| now.rounds >= before.rounds + more).await?;
                }
            }
            if self.is_quiet_since(activity, &progress) {
                return Some(());
            }
            if Instant::now() >= deadline {
                return None;
            }
        }
    }

    fn is_quiet_since(&self, activity: Activity, progress: &[Progress]) -> bool {
        let mut records = self.progress().into_iter().zip(progress);
        activity.pending == 0
            && *self.queues.activity().borrow() == activity
            && records.all(|(now, before)| now.records == before.records)
    }

    fn progress(&self) -> Vec<Progress> {
        self.pollers.iter().map(|poller| *poller.progress.borrow()).collect()
    }

    fn not_caught_up(&self) -> CaughtUpError {
        let triggers = self.pollers.iter().zip(self.progress());
        let triggers = triggers.map(|(poller, progress)| format!("{} {} records", poller.trigger, progress.records));
        CaughtUpError {
            pending: self.queues.activity().borrow().pending,
            progress: triggers.collect::<Vec<_>>().join(", "),
        }
    }

    /// Ends running requests, then running batches, then EventBridge and the DynamoDB. Checkpoints are written by then.
    pub async fn stop(self) {
        self.stop_gateway.send_replace(true);
        if let Some(gateway) = self.gateway {
            finish("the HTTP gateway", gateway, Instant::now() + SHUTDOWN_LIMIT).await;
        }
        self.stop_triggers.send_replace(true);
        let deadline = Instant::now() + SHUTDOWN_LIMIT;
        for poller in self.pollers {
            finish(&poller.trigger, poller.task, deadline).await;
        }
        let timers = self.timers.into_iter().map(|timer| timer.task);
        for task in self.consumers.into_iter().chain(timers) {
            finish("a queue or schedule", task, deadline).await;
        }
        self.stop_events.send_replace(true);
        if let Some(events) = self.events {
            finish("EventBridge", events.server, Instant::now() + SHUTDOWN_LIMIT).await;
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// Waits until what is watched is so; `None` when it is not by the deadline, or never will be.
async fn wait_for<T>(watched: &watch::Receiver<T>, deadline: Instant, is_so: impl FnMut(&T) -> bool) -> Option<()> {
    let mut watched = watched.clone();
    let outcome = tokio::time::timeout_at(deadline, watched.wait_for(is_so)).await;
    outcome.ok()?.ok().map(|_| ())
}

/// Returns once each trigger has had nothing left to read; false when one has ended before.
async fn have_caught_up(triggers: Vec<watch::Receiver<Progress>>) -> bool {
    for mut progress in triggers {
        if progress.wait_for(|progress| progress.has_caught_up).await.is_err() {
            return false;
        }
    }
    true
}

/// Waits for a task that was told to stop, until the deadline.
async fn finish<T>(name: &str, mut task: JoinHandle<T>, deadline: Instant) {
    match tokio::time::timeout_at(deadline, &mut task).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(name, %error, "a task had ended"),
        Err(_) => task.abort(),
    }
}

async fn listen(addresses: &[IpAddr], port: u16, purpose: &'static str) -> Result<Listeners, StartError> {
    let listeners = Listeners::bind(addresses, port).await;
    listeners.map_err(|ListenError { address, source }| StartError::Listen {
        address,
        purpose,
        source,
    })
}

/// Two stacks on one folder would deliver records twice and overwrite each other's checkpoints.
fn lock(folder: &Path) -> Result<File, StartError> {
    let name = || folder.display().to_string();
    let unusable = |source| StartError::Folder { folder: name(), source };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let file = File::create(folder.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::FolderInUse(name())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

async fn open_dynamodb(
    options: &Options,
    addresses: &[IpAddr],
    bells: &Bells,
) -> Result<(Option<Embedded>, SdkConfig), StartError> {
    match &options.dynamodb {
        DynamoDb::Endpoint(url) => Ok((None, dynamodb::external_config(url).await)),
        DynamoDb::Embedded { port } => {
            let listeners = listen(addresses, *port, DYNAMODB).await?;
            let file = match &options.data {
                Data::Memory => None,
                Data::Folder(folder) => Some(folder.join("dynamodb.sqlite")),
            };
            let storage = file.as_deref().map_or(Storage::Memory, Storage::File);
            let embedded = Embedded::serve(listeners, storage, bells.clone())?;
            let config = dynamodb::local_config(embedded.endpoint()).await;
            Ok((Some(embedded), config))
        }
    }
}

fn checkpoints(data: &Data) -> Result<Checkpoints, StartError> {
    match data {
        Data::Memory => Ok(Checkpoints::in_memory()),
        Data::Folder(folder) => {
            let file = folder.join("checkpoints.json");
            let name = file.display().to_string();
            Checkpoints::in_file(file).map_err(|source| StartError::Checkpoints { file: name, source })
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
