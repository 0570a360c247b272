-- ticket_open.next_id
-- Numbers of tickets and support cases: those that are there ($1), then new ones ($2). What follows in the transaction finds
-- them by their places without having heard of them. $3: the key of a batch (see ticket_open.turn), or null.
SELECT set_config('provisor.numbers', array_to_string(
  $1::bigint[] || ARRAY(SELECT nextval('ticket_number') FROM generate_series(1, $2::bigint)), ' '
), TRUE), pg_advisory_xact_lock($3)
