//! Tells customers what becomes of their orders.
//!
//! A message is written down before it is sent, and marked when it is sent: one item per message and channel. Whoever writes
//! it down claims it for a while, so that of many deliveries at once one sends it. A claim that its process did not live to
//! use runs out, and the next delivery sends.
//!
//! | module | what it holds |
//! |---|---|
//! | [`templates`] | what customers are told, in what words |
//! | [`mailer`] | ways of sending it |

pub mod mailer;
pub mod templates;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use chrono::{SubsecRound, Utc};
use domain::Aggregate;
use domain::fulfilment::{Fulfilment, Step};
use domain::order::{Order, OrderStatus};
use domain::text::CustomerName;
use domain::time::rfc3339_micros;
use event_bus::DeadLetters;
use event_bus::queue::{self, NotHandled};
use event_store::{EventStore, StoreError};
use lambda_edge::{ConfigError, Environment, Function};
use messages::Message;
use reference_data::{Customer, Customers};
use sent_letters::{Channel, Notification, Notifications, Put, State};
use uuid::Uuid;

use mailer::{Mail, MailError, Mailer};
use templates::{News, news};

/// How many messages of a batch are handled at once: all of them.
const CONCURRENCY: usize = 10;

/// The time of a claim. It is as long as template.yaml lets an invocation run, so nobody holds a claim that has run out; and
/// shorter than a message stays out of sight, so it has run out when the message comes again.
const CLAIM: Duration = Duration::from_secs(30);

/// What the handler needs.
pub struct App {
    pub notifications: Notifications,
    pub customers: Customers,
    /// The events of orders and their fulfilment, for what is true when a mail goes out.
    pub events: EventStore,
    /// Whether orders are confirmed by the process that takes their payment, or by the shop itself.
    pub is_fulfilling: bool,
    pub mailer: Arc<dyn Mailer>,
    pub dead_letters: DeadLetters,
    /// How long a message belongs to whoever sends it.
    pub claim: Duration,
}

impl App {
    /// # Errors
    /// When the environment lacks a variable, or has one that cannot be used.
    pub fn from_env(env: &Environment, aws: &SdkConfig) -> Result<Self, ConfigError> {
        let dynamodb = dynamodb::client(aws);
        Ok(Self {
            notifications: Notifications::from_env(env, dynamodb.clone())?,
            customers: Customers::from_env(env, dynamodb.clone())?,
            events: EventStore::from_env(env, dynamodb)?,
            is_fulfilling: match env.required("FULFILMENT")? {
                "ENABLED" => true,
                "DISABLED" => false,
                value => {
                    return Err(ConfigError::Invalid {
                        name: "FULFILMENT",
                        value: value.to_owned(),
                        expected: "ENABLED or DISABLED",
                    });
                }
            },
            mailer: mailer::from_env(env, aws)?,
            dead_letters: DeadLetters::from_env(env, aws)?,
            claim: CLAIM,
        })
    }

    /// The function that works with it.
    pub fn function(self) -> Function {
        queue::function(
            self.dead_letters.clone(),
            Arc::new(self),
            CONCURRENCY,
            |app, message| async move { app.handle(message).await },
        )
    }

    async fn handle(&self, message: Message) -> Result<(), NotHandled> {
        let news = match news(&message.body, self.is_fulfilling) {
            Ok(Some(news)) => news,
            Ok(None) => return Ok(()),
            Err(kind) => return Err(NotHandled::Lasting(format!("customers are not told of {kind}"))),
        };
        let customer_id = news.customer_id();
        let customer = self.customers.get(customer_id).await?;
        let customer = customer.map(|customer| customer.value);
        let name = customer.as_ref().map(|customer| &customer.name);
        let order = match news {
            News::Confirmed(_) | News::Paid(_) | News::Free(_) => {
                self.events.load::<Order>(&news.order_id().to_string()).await?.state
            }
            _ => None,
        };
        let letter = news.letter(name, order.as_ref());

        let now = Utc::now().trunc_subsecs(6);
        let recipient = match self.is_true(news, order.as_ref()).await? {
            true => recipient(customer.as_ref()),
            false => Err(State::Outdated),
        };
        let notification_id = Uuid::new_v5(&message.id, Channel::Email.as_str().as_bytes());
        let mut claimed = Notification {
            customer_id: customer_id.clone(),
            notification_key: format!("{}#{notification_id}", rfc3339_micros(message.time)),
            notification_id,
            message_id: message.id,
            correlation_id: message.correlationid.clone(),
            order_id: letter.order_id,
            channel: Channel::Email,
            template: letter.template.to_owned(),
            subject: letter.subject.clone(),
            created_at: now,
            state: match &recipient {
                Ok(_) => State::Pending {
                    claim_id: Uuid::new_v4(),
                    claimed_until: now + self.claim,
                },
                Err(state) => state.clone(),
            },
        };
        let mut put = self.notifications.put(&claimed, None).await?;
        if let Put::Refused(Some(there)) = &put {
            match there.state {
                State::Pending { claimed_until, .. } if now < claimed_until => {
                    return Err(NotHandled::Passing("another is about to send it".to_owned()));
                }
                State::Pending { .. } => claimed.created_at = there.created_at,
                State::Sent { .. } | State::Failed { .. } | State::NoAddress | State::Outdated => return Ok(()),
            }
            put = self.notifications.put(&claimed, Some(there)).await?;
        }
        if let Put::Refused(_) = put {
            return Err(NotHandled::Passing("another has just taken it over".to_owned()));
        }

        let Ok((name, address)) = recipient else {
            return Ok(());
        };
        let mail = Mail {
            id: notification_id,
            name,
            address: &address,
            subject: &letter.subject,
            text: &letter.text,
            date: claimed.created_at,
        };
        let state = match self.mailer.send(&mail).await {
            Ok(()) => State::Sent {
                sent_at: Utc::now().trunc_subsecs(6),
            },
            Err(MailError::Refused(code)) => {
                tracing::warn!(%notification_id, code, "a mail was refused for good");
                State::Failed {
                    failure_code: code.to_owned(),
                }
            }
            Err(MailError::Passing(reason)) => return Err(NotHandled::Passing(reason)),
        };
        let marked = Notification {
            state,
            ..claimed.clone()
        };
        // When it is refused, another has taken it over from us, who were too slow, and marks it.
        self.notifications.put(&marked, Some(&claimed)).await?;
        Ok(())
    }
}

impl App {
    /// Whether news is still true when its mail goes out.
    async fn is_true(&self, news: News<'_>, order: Option<&Order>) -> Result<bool, StoreError> {
        Ok(match news {
            // What has happened then stays so.
            News::Shipped(_) | News::Cancelled(_) => true,
            News::Paid(_) if order.is_none() => false,
            News::Confirmed(_) | News::Free(_) | News::Paid(_) => {
                order.is_none_or(|order| order.status != OrderStatus::Cancelled)
            }
            News::PaymentMethodNeeded(event) => {
                let id = Fulfilment::aggregate_id(&event.order_id);
                let process = self.events.load::<Fulfilment>(&id).await?.state;
                process.is_some_and(|process| process.waiting.get(&Step::ChoosePayment) == Some(&event.until))
            }
        })
    }
}

/// # Errors
/// When the environment lacks a variable, or has one that cannot be used.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    Ok(App::from_env(env, aws)?.function())
}

/// The name and the address, as SMTP has it, of the customer; or what becomes of the notification without them.
fn recipient(customer: Option<&Customer>) -> Result<(&CustomerName, String), State> {
    let customer = customer.ok_or(State::NoAddress)?;
    let address = customer.email.as_ref().ok_or(State::NoAddress)?;
    let address = address.for_smtp().map_err(|_| State::Failed {
        failure_code: "unusable_address".to_owned(),
    })?;
    Ok((&customer.name, address))
}
