//! The Simple Portal face from outside: the second document's workflows, who may call, what happens at once, what is
//! kept secret, and the real mail servers behind it.

mod concurrency;
mod exposure;
mod mail;
mod matrix;
mod relations;
mod repair;
mod secrets;
mod workflow;
