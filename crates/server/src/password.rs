//! Passwords as operators give them: typed without echo, piped, or from a file; and hashing many of them.

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use anyhow::{Context, Result, bail};
pub(crate) use provisor_engine::password_objection as objection;
use secrecy::{ExposeSecret, SecretString};

use crate::progress::Progress;

/// So many passwords take long enough to show how far it is.
const PROGRESS_FROM: usize = 20;

/// Where a new password comes from.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Source {
    /// Read the password from standard input (its first line)
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from this file (its first line)
    #[arg(long, value_name = "FILE")]
    password_file: Option<std::path::PathBuf>,
}

impl Source {
    /// Asks, or reads. The password is long enough.
    pub(crate) fn get(&self) -> Result<SecretString> {
        let password = if self.password_stdin {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            first_line(&text)
        } else if let Some(file) = &self.password_file {
            from_file(file)?
        } else {
            typed()?
        };
        match objection(&password) {
            Some(reason) => bail!("{reason}"),
            None => Ok(password),
        }
    }
}

/// The first line of a file.
pub(crate) fn from_file(file: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the password file {}", file.display()))?;
    Ok(first_line(&text))
}

fn first_line(text: &str) -> SecretString {
    text.lines().next().unwrap_or_default().into()
}

fn typed() -> Result<SecretString> {
    if !std::io::stdin().is_terminal() {
        bail!("no terminal to type a password at: use --password-stdin or --password-file FILE");
    }
    let first = SecretString::from(rpassword::prompt_password("Password: ")?);
    let again = SecretString::from(rpassword::prompt_password("Again: ")?);
    if first.expose_secret() != again.expose_secret() {
        bail!("the two passwords differ: nothing was changed");
    }
    Ok(first)
}

/// A password to be compared with a stored hash, and hashed when it does not fit.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The password.
    pub(crate) password: SecretString,
    /// What is stored, if anything.
    pub(crate) stored: Option<SecretString>,
}

/// What came of a [`Job`].
#[derive(Debug, Clone)]
pub(crate) enum Hashed {
    /// The stored hash is this password's.
    Same,
    /// The hash of a new or changed password.
    New(SecretString),
}

/// Works through `jobs` on all cores; answers in their order. Each takes tens of milliseconds of a core, hence the
/// progress. With `compare_only` nothing is hashed: what does not fit is answered with an empty hash.
pub(crate) fn hash_all(jobs: &[Job], compare_only: bool) -> Result<Vec<Hashed>> {
    let next = AtomicUsize::new(0);
    let (done, results) = mpsc::channel();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut answers: Vec<Option<Hashed>> = vec![None; jobs.len()];
    let mut progress = (jobs.len() >= PROGRESS_FROM)
        .then(|| Progress::new("checking passwords", jobs.len() as u64));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(jobs.len()) {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                while let Some((at, job)) = take(jobs, next) {
                    if done.send((at, work(job, compare_only))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (count, (at, answer)) in results.into_iter().enumerate() {
            if let Some(place) = answers.get_mut(at) {
                *place = Some(answer?);
            }
            if let Some(progress) = &mut progress {
                progress.at(count as u64 + 1, count as u64 + 1, "users");
            }
        }
        Ok(answers.into_iter().flatten().collect())
    })
}

fn take<'a>(jobs: &'a [Job], next: &AtomicUsize) -> Option<(usize, &'a Job)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}

fn work(job: &Job, compare_only: bool) -> Result<Hashed> {
    let same = |stored| provisor_engine::verify_password(&job.password, stored);
    if job.stored.as_ref().is_some_and(same) {
        return Ok(Hashed::Same);
    }
    if compare_only {
        return Ok(Hashed::New(SecretString::default()));
    }
    let hash = provisor_engine::hash_password(&job.password);
    hash.map(Hashed::New).map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use provisor_domain::limits::PASSWORD_BYTES_MAX;

    use super::*;

    #[test]
    fn passwords_are_compared_and_hashed_in_order() {
        let stored = provisor_engine::hash_password(&"first-one".into()).unwrap();
        let job = |password: &str, stored: Option<&SecretString>| Job {
            password: password.into(),
            stored: stored.cloned(),
        };
        let jobs = [
            job("first-one", Some(&stored)),
            job("second-one", Some(&stored)),
            job("third-one", None),
        ];
        let answers = hash_all(&jobs, false).unwrap();
        assert!(matches!(answers[0], Hashed::Same));
        for (answer, job) in answers.iter().zip(&jobs).skip(1) {
            let Hashed::New(hash) = answer else { panic!("{answer:?}") };
            assert!(provisor_engine::verify_password(&job.password, hash));
        }
    }

    #[test]
    fn a_password_is_the_first_line_and_not_too_short() {
        assert_eq!(first_line("geheim-12\r\nnext").expose_secret(), "geheim-12");
        assert!(objection(&"1234567".into()).is_some());
        assert!(objection(&"12345678".into()).is_none());
        assert!(objection(&"x".repeat(PASSWORD_BYTES_MAX + 1).into()).is_some());
    }
}
