//! The interface of the first document, request by request.

mod bodies;
mod codes;
mod concurrency;
mod idempotency;
mod order_of_checks;
mod queries;
mod statuses;
