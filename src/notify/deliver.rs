//! Delivers one alert through one channel, once.
//!
//! The delivery's row is claimed before sending and closed after it, so that a job that runs twice, or two replicas that
//! run it at once, send one message. Only if the program dies, or loses its database, between the receiver's "yes" and
//! the closing of the row is the message sent again.

use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::PgConnection;
use tracing::{Instrument, info, info_span, warn};

use super::{Channels, Message, SendError};
use crate::clock::SharedClock;
use crate::jobs::DeliverAlert;
use crate::queue::{Handler, JobContext, JobError};
use crate::store::delivery::{self, AlertToSend, Claimed};
use crate::store::{Store, StoreError};

/// How long a claim on a delivery holds: longer than any channel takes to send.
const CLAIM: Duration = Duration::from_mins(3);
/// How long a channel may take to send.
const SEND_TIMEOUT: Duration = Duration::from_mins(2);
/// How often a delivery that was made is tried to be noted.
const NOTE_ATTEMPTS: u32 = 9;
/// Pause after the first failed try; doubles.
const NOTE_PAUSE: Duration = Duration::from_millis(250);

/// Runs `deliver_alert` jobs.
pub struct DeliverAlertHandler {
    store: Store,
    channels: Channels,
    clock: SharedClock,
}

impl std::fmt::Debug for DeliverAlertHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DeliverAlertHandler").field(&self.channels.keys().collect::<Vec<_>>()).finish()
    }
}

impl DeliverAlertHandler {
    /// Delivers through `channels`.
    #[must_use]
    pub fn new(store: Store, channels: Channels, clock: SharedClock) -> Self {
        Self { store, channels, clock }
    }

    async fn deliver(&self, args: &DeliverAlert) -> Result<(), JobError> {
        let alert = match self.claim(args).await? {
            Claimed::Yes(alert) => *alert,
            Claimed::AlreadyDelivered => return Ok(()),
            // A little longer, so that the claim has run out for certain.
            Claimed::Busy(rest) => return Err(JobError::Snooze(rest + Duration::from_secs(1))),
        };
        match self.send(args, alert).await {
            Ok(()) => {
                info!(alert.id = %args.alert_id, channel = args.channel, "alert delivered to {}", args.channel);
                Ok(self.note_delivered(args).await?)
            }
            Err(SendError::Permanent { reason }) => Err(JobError::give_up(reason)),
            Err(SendError::Retry { reason, after }) => {
                self.note_failed(args, &reason).await;
                Err(after.map_or_else(
                    || JobError::retry(reason.clone()),
                    |wait| JobError::retry_after(reason.clone(), wait),
                ))
            }
        }
    }

    async fn claim(&self, args: &DeliverAlert) -> Result<Claimed, StoreError> {
        let mut conn = self.store.conn().await?;
        delivery::claim_for_sending(&mut conn, args.alert_id, &args.channel, CLAIM).await
    }

    async fn send(&self, args: &DeliverAlert, alert: AlertToSend) -> Result<(), SendError> {
        let Some(channel) = self.channels.get(&args.channel) else {
            return Err(SendError::permanent(format!(
                "no channel is called `{}` any more: name one so in [[channels]], then retry the job",
                args.channel
            )));
        };
        let message = Message { alert, sent_at: self.clock.now() };
        match tokio::time::timeout(SEND_TIMEOUT, channel.send(&message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::retry("the receiver took too long")),
        }
    }

    /// Insists, because a delivery that is not noted is made again.
    async fn note_delivered(&self, args: &DeliverAlert) -> Result<(), StoreError> {
        let mut pause = NOTE_PAUSE;
        for _ in 1..NOTE_ATTEMPTS {
            match self.try_note_delivered(args).await {
                Err(error) if error.is_transient() => {
                    warn!(alert.id = %args.alert_id, %error, "delivered, but the database cannot be told yet");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
        self.try_note_delivered(args).await
    }

    async fn try_note_delivered(&self, args: &DeliverAlert) -> Result<(), StoreError> {
        let mut conn = self.store.conn().await?;
        delivery::delivered(&mut conn, args.alert_id, &args.channel, self.clock.now()).await
    }

    /// Gives the claim back. If it cannot be, it runs out.
    async fn note_failed(&self, args: &DeliverAlert, reason: &str) {
        let note = async {
            let mut conn = self.store.conn().await?;
            delivery::failed(&mut conn, args.alert_id, &args.channel, false, reason).await
        };
        if let Err(error) = note.await {
            warn!(alert.id = %args.alert_id, %error, "a failed delivery could not be noted");
        }
    }
}

impl Handler for DeliverAlertHandler {
    type Args = DeliverAlert;

    fn run<'a>(&'a self, _job: &'a JobContext, args: DeliverAlert) -> BoxFuture<'a, Result<(), JobError>> {
        let span = info_span!("alert.deliver", alert.id = %args.alert_id, channel = args.channel);
        Box::pin(async move { self.deliver(&args).await }.instrument(span))
    }

    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        args: DeliverAlert,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { delivery::failed(conn, args.alert_id, &args.channel, true, error).await })
    }
}
