//! Load, decide, append; and decide again on the new state when another writer was faster.

use domain::precondition::Precondition;
use domain::{Aggregate, Metadata};
use dynamodb::patience::short_pause;
use dynamodb::{Passes, TableError};
use measures::{CONFLICTS, CONTENDED, STALE};

use crate::store::MAX_TRANSACT_ITEMS;
use crate::{AppendError, EventStore, Recorded, StoreError, Stream, Version};

/// How often a decision is taken before the writer gives up.
pub(crate) const MAX_ATTEMPTS: u32 = 12;

/// A decision that was appended.
#[derive(Debug, Clone)]
pub struct Transacted<A> {
    /// The stream up to the command's last event, and with what everything cost.
    pub stream: Stream<A>,
    /// The command's events; empty when it was a repetition, or changed nothing and had no key.
    pub events: Vec<Recorded>,
    /// The same request with the same idempotency key had been appended before; now nothing was.
    pub is_replay: bool,
}

/// A decision that was not appended. `E` is the decision's own refusal.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// The rules do not allow it on the stream's newest state.
    #[error("refused: {0}")]
    Refused(E),
    /// The caller wants to change another version.
    #[error("the stream is at version {actual}, which the caller does not want to change")]
    VersionMismatch { expected: Precondition, actual: Version },
    /// The caller has used the idempotency key for another request on this stream.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// Other writers were faster each time.
    #[error("other writers were faster {attempts} times")]
    Contended { attempts: u32 },
    /// The event does not fit into an item of DynamoDB.
    #[error("an event of {bytes} bytes does not fit into the {limit} bytes of a DynamoDB item")]
    TooLarge { bytes: usize, limit: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something that is done before each append of a command's events. It must do no harm when the append then fails.
pub trait BeforeAppend<A: Aggregate>: Sync {
    /// `stream` is what `events` were decided on.
    ///
    /// # Errors
    /// What DynamoDB said. Then nothing is appended.
    fn before(&self, stream: &Stream<A>, events: &[A::Event]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Nothing is.
impl<A: Aggregate> BeforeAppend<A> for () {
    async fn before(&self, _: &Stream<A>, _: &[A::Event]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What a decision comes to.
enum Decided<E> {
    Events(Vec<E>),
    /// The same request was appended before, up to this version.
    Before(Version),
}

impl EventStore {
    /// Appends what `decide` decides on `stream`, which is loaded, or believed to be unborn, or kept.
    ///
    /// `decide` is asked again, on the newer state, whenever another writer appended in between; it must be pure. It is
    /// not asked when the stream shows that the same request, by its idempotency key, has been appended already.
    ///
    /// # Errors
    /// See [`TransactError`]. After an error that [passes](Passes) the events were not there
    /// when the stream was read again, if it could be read; an attempt that is still on its way may yet arrive.
    pub async fn transact<A: Aggregate, E>(
        &self,
        stream: Stream<A>,
        metadata: &Metadata,
        decide: impl Fn(&Stream<A>) -> Result<Vec<A::Event>, E>,
    ) -> Result<Transacted<A>, TransactError<E>> {
        self.transact_after(stream, metadata, MAX_ATTEMPTS, decide, |_| false, &())
            .await
    }

    /// The same with something that is done `first`, before each append, and at most so many attempts.
    ///
    /// `is_absence` tells the refusals whose cause is that there is no such thing.
    ///
    /// Nothing but a successful append may rest on a kept state: everything else is decided again on what a read has
    /// brought. A kept state that turns out to be old is no attempt, and nobody waits.
    pub(crate) async fn transact_after<A: Aggregate, E>(
        &self,
        mut stream: Stream<A>,
        metadata: &Metadata,
        attempts: u32,
        decide: impl Fn(&Stream<A>) -> Result<Vec<A::Event>, E>,
        is_absence: impl Fn(&E) -> bool,
        first: &impl BeforeAppend<A>,
    ) -> Result<Transacted<A>, TransactError<E>> {
        let mut attempt = 0;
        while attempt < attempts {
            let decided = decided(&stream, metadata, &decide, &is_absence);
            let is_append = |events: &[A::Event]| !events.is_empty() || metadata.idempotency.is_some();
            let is_append = matches!(&decided, Ok(Decided::Events(events)) if is_append(events));
            if stream.is_kept && !is_append {
                self.refresh(&mut stream).await?;
                continue;
            }
            let events = match decided? {
                Decided::Before(version) => return Ok(self.replay(stream, version).await?),
                Decided::Events(events) => events,
            };
            first.before(&stream, &events).await?;
            if let Some(snapshots) = &self.snapshots {
                snapshots.write_if_due(&self.client, &stream, self.now());
            }
            let appended = self.append::<A>(&stream.aggregate_id, stream.version, &events, metadata);
            let winners = match appended.await {
                Ok(appended) => {
                    stream.cost += appended.cost;
                    for event in &appended.events {
                        stream.fold(event).map_err(StoreError::from)?;
                    }
                    return Ok(Transacted {
                        stream,
                        events: appended.events,
                        is_replay: false,
                    });
                }
                Err(AppendError::Conflict { winners }) if stream.is_kept => {
                    metrics::counter!(STALE).increment(1);
                    winners
                }
                Err(AppendError::Conflict { winners }) => {
                    self.wait(&stream, &mut attempt).await;
                    winners
                }
                Err(AppendError::TransactionInProgress) => {
                    self.wait(&stream, &mut attempt).await;
                    Vec::new()
                }
                // Limits: of an item, of how many, and of the bytes of a transaction.
                Err(
                    AppendError::TooLarge { .. }
                    | AppendError::TooMany { .. }
                    | AppendError::Store(StoreError::Table(TableError::Rejected(_))),
                ) if stream.is_kept => {
                    self.refresh(&mut stream).await?;
                    continue;
                }
                Err(AppendError::TooLarge { bytes, limit }) => return Err(TransactError::TooLarge { bytes, limit }),
                Err(AppendError::TooMany { count, limit }) => {
                    let reason = format!("{count} events at once, of at most {limit}");
                    return Err(StoreError::from(TableError::Rejected(reason)).into());
                }
                Err(AppendError::Store(error)) => return self.unless_appended(stream, metadata, error).await,
            };
            stream.cost.requests += 1;
            let ours = self.take_in(&mut stream, winners, metadata).await?;
            if !ours.is_empty() {
                return Ok(Transacted {
                    stream,
                    events: ours,
                    is_replay: false,
                });
            }
        }
        metrics::counter!(CONTENDED).increment(1);
        Err(TransactError::Contended { attempts })
    }

    /// Waits before a decision is taken again, and before reading on, so that it is taken on the newest state.
    async fn wait<A>(&self, stream: &Stream<A>, attempt: &mut u32) {
        tracing::debug!(aggregate_id = stream.aggregate_id, attempt, "deciding again");
        metrics::counter!(CONFLICTS).increment(1);
        short_pause(*attempt).await;
        *attempt += 1;
    }

    /// `error`, unless an earlier attempt of the SDK was carried out and only its answer was lost.
    async fn unless_appended<A: Aggregate, E>(
        &self,
        mut stream: Stream<A>,
        metadata: &Metadata,
        error: StoreError,
    ) -> Result<Transacted<A>, TransactError<E>> {
        if error.passes()
            && let Ok(events) = self.take_in(&mut stream, Vec::new(), metadata).await
            && !events.is_empty()
        {
            return Ok(Transacted {
                stream,
                events,
                is_replay: false,
            });
        }
        Err(error.into())
    }

    /// The outcome of a command that was appended before, up to `version`: the stream as it was then.
    async fn replay<A: Aggregate>(&self, stream: Stream<A>, version: Version) -> Result<Transacted<A>, StoreError> {
        let mut then = stream;
        if then.version != version {
            let cost = then.cost;
            then = self.load_until(&then.aggregate_id, version).await?;
            then.cost += cost;
        }
        Ok(Transacted {
            stream: then,
            events: Vec::new(),
            is_replay: true,
        })
    }

    /// Folds the events that won, which DynamoDB returned for nothing, and reads what followed them. That they follow a
    /// kept state is not known: then all of it is read.
    ///
    /// If an earlier attempt of ours is among them, the stream ends with its events, which are returned.
    async fn take_in<A: Aggregate>(
        &self,
        stream: &mut Stream<A>,
        winners: Vec<Recorded>,
        metadata: &Metadata,
    ) -> Result<Vec<Recorded>, StoreError> {
        let key = metadata.idempotency.as_ref().map(|idempotency| &idempotency.key);
        let uses_key = |event: &Recorded| {
            let used = event.metadata.idempotency.as_ref().map(|idempotency| &idempotency.key);
            key.is_some() && used == key && event.metadata.user_id == metadata.user_id
        };
        let newer = match stream.is_kept {
            true => self.follow(stream).await?,
            false => {
                let mut newer: Vec<_> = (stream.version + 1..)
                    .zip(winners)
                    .take_while(|(expected, winner)| winner.version == *expected)
                    .map(|(_, winner)| winner)
                    .collect();
                // Who has used the key before needs no more than the events of that one append.
                let limit = newer.iter().any(uses_key).then_some(MAX_TRANSACT_ITEMS);
                let from = stream.version + 1 + newer.len() as Version;
                newer.extend(self.read_on(stream, from, limit).await?);
                newer
            }
        };

        let mut ours = Vec::new();
        for event in newer {
            let is_ours = event.metadata.command_id == metadata.command_id;
            if !is_ours && !ours.is_empty() {
                break;
            }
            // The stream ends where it stood when the key was used.
            if stream.has_used_key(metadata) && !uses_key(&event) {
                break;
            }
            stream.fold(&event)?;
            if is_ours {
                ours.push(event);
            }
        }
        Ok(ours)
    }
}

/// First a repeated request, which is answered as it was then. Then what is absent, without which no precondition counts. Then
/// the precondition. Then the rules.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-when-to-evaluate>
fn decided<A: Aggregate, E>(
    stream: &Stream<A>,
    metadata: &Metadata,
    decide: impl Fn(&Stream<A>) -> Result<Vec<A::Event>, E>,
    is_absence: impl Fn(&E) -> bool,
) -> Result<Decided<A::Event>, TransactError<E>> {
    if let Some(used) = stream.use_of_key(metadata) {
        return match used.is_for(metadata) {
            true => Ok(Decided::Before(used.version)),
            false => Err(TransactError::KeyReused),
        };
    }
    match decide(stream) {
        Err(refusal) if is_absence(&refusal) => Err(TransactError::Refused(refusal)),
        _ if !stream.precondition.is_met(stream.changed) => Err(TransactError::VersionMismatch {
            expected: stream.precondition.clone(),
            actual: stream.changed,
        }),
        decided => decided.map(Decided::Events).map_err(TransactError::Refused),
    }
}
