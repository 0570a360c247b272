//! Asking the store again when it does not answer: a connection that hangs must not keep from being seen what others change.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use provisor_domain::store::StoreError;

/// After so long without an answer it is asked again, perhaps on another connection; then after twice as long.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// The longest time between two askings.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);
/// How long an answer is waited for at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first answer to `ask`, which only reads. While there is none it is asked again, and who was asked before may still
/// answer: a store that is slow is waited for, and a connection that hangs is passed by.
pub(crate) async fn insist<T, A>(ask: impl Fn() -> A) -> Result<T, StoreError>
where
    A: Future<Output = Result<T, StoreError>>,
{
    let mut asked = FuturesUnordered::new();
    let mut given_up = pin!(tokio::time::sleep(PATIENCE));
    let mut pause = AGAIN_AFTER;
    loop {
        asked.push(ask());
        tokio::select! {
            Some(answer) = asked.next() => return answer,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(AGAIN_AFTER_MAX),
            () = &mut given_up => {
                return Err(StoreError::Unavailable(format!("no answer within {PATIENCE:?}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    /// What comes of asking when the answer to the n-th asking takes so many milliseconds, after how long, and how often it
    /// was asked.
    async fn asked(takes: impl Fn(u64) -> u64) -> (Result<u64, StoreError>, u128, u64) {
        let (began, times) = (Instant::now(), Cell::new(0));
        let answer = insist(|| {
            let number = times.get();
            times.set(number + 1);
            let answered = tokio::time::sleep(Duration::from_millis(takes(number)));
            async move {
                answered.await;
                Ok(number)
            }
        });
        (answer.await, began.elapsed().as_millis(), times.get())
    }

    const NEVER: u64 = 3_600_000;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_hangs_is_passed_by() {
        let (answer, took, _) = asked(|number| if number < 2 { NEVER } else { 10 }).await;
        assert_eq!((answer.unwrap(), took), (2, 760));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_store_is_waited_for_and_one_that_does_not_answer_is_given_up() {
        assert_eq!(asked(|_| 0).await.2, 1);
        let (answer, took, times) = asked(|_| 9_000).await;
        assert_eq!((answer.unwrap(), took), (0, 9_000));
        assert!(times < 10, "{times}");
        let (answer, took, _) = asked(|_| NEVER).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        assert_eq!(took, 10_000);
    }
}
