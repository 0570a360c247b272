-- confirm
-- Makes the commit of what was only read one that writes: it waits until everything before it is as durable as any commit,
-- also on a synchronous standby. What a server that was started anew shows need not be.
SELECT pg_logical_emit_message(TRUE, 'provisor', '')
