-- Instants are epoch milliseconds of the database's clock. Later migrations only ever add (tables, indexes, columns with
-- a default): a version of the bridge that does not know them goes on working beside one that does.

CREATE TABLE lanes (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  direction TEXT COLLATE "C" NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  customer_address TEXT COLLATE "C" NOT NULL,
  business_address TEXT COLLATE "C" NOT NULL,
  destination TEXT COLLATE "C" NOT NULL,
  pace_key TEXT COLLATE "C" NOT NULL,
  -- When the head may go; while the lane is leased, when the lease runs out. Null: nothing is unfinished.
  due_at BIGINT,
  lease_token TEXT,
  -- When an attempt last ended: the lane is due no earlier, so that it queues behind those that wait.
  tried_at BIGINT NOT NULL DEFAULT 0,
  -- The latest-sent message that has ended: what is accepted later and was sent earlier arrived late.
  gone_sent_at BIGINT NOT NULL DEFAULT 0,
  gone_sns_at BIGINT NOT NULL DEFAULT 0,
  probed_at BIGINT NOT NULL DEFAULT 0,
  last_accepted_at BIGINT NOT NULL,
  UNIQUE (direction, channel, customer_address, business_address)
);

CREATE INDEX lanes_due ON lanes (destination, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX lanes_idle ON lanes (last_accepted_at) WHERE due_at IS NULL;

CREATE TABLE messages (
  -- Ascending ids are the order of acceptance within a lane, and within a notification the order of its items.
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Null: a dead letter that never had a lane.
  lane_id BIGINT,
  -- Those in `message`, and erased with it. Differs because PostgreSQL's JSON functions refuse texts with an escaped NUL
  -- or half a surrogate pair, so that no statement may look into it.
  customer_address TEXT,
  business_address TEXT,
  sns_message_id TEXT COLLATE "C" NOT NULL,
  item_index INTEGER NOT NULL,
  direction TEXT NOT NULL,
  channel TEXT,
  -- A hash: see dedup-key.ts.
  dedup_key TEXT COLLATE "C",
  sent_at BIGINT NOT NULL,
  sns_at BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'delivered', 'dead', 'discarded')),
  due_at BIGINT NOT NULL,
  -- It is being sent, or Connect may have seen it: nothing overtakes it any more.
  begun BOOLEAN NOT NULL DEFAULT false,
  attempts INTEGER NOT NULL DEFAULT 0,
  first_failed_at BIGINT,
  probe_refusals INTEGER NOT NULL DEFAULT 0,
  -- Behind pauses of destinations that it no longer goes to.
  paused_ms BIGINT NOT NULL DEFAULT 0,
  -- The normalized message as JSON, and its notification as a JSON string, because TEXT holds no NUL: both are erased
  -- with the delivery.
  message TEXT,
  raw TEXT,
  reason TEXT,
  last_error TEXT,
  contact_id TEXT,
  new_chat_created BOOLEAN,
  ended_at BIGINT
);

CREATE UNIQUE INDEX messages_by_notification ON messages (sns_message_id, item_index);
CREATE UNIQUE INDEX messages_by_dedup_key ON messages (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE INDEX messages_unfinished ON messages (lane_id, begun DESC, sent_at, sns_at, id)
  WHERE state IN ('pending', 'sending');
CREATE INDEX messages_kept ON messages (state, channel, accepted_at) WHERE state IN ('pending', 'sending', 'dead');
CREATE INDEX messages_ended ON messages (ended_at) WHERE ended_at IS NOT NULL;

-- A destination is paused while it has a row without resumed_at. Past pauses are kept, since the time that a message
-- spent paused does not count towards its age.
CREATE TABLE pauses (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination TEXT COLLATE "C" NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  paused_at BIGINT NOT NULL,
  next_probe_at BIGINT NOT NULL,
  probes INTEGER NOT NULL DEFAULT 0,
  resumed_at BIGINT
);

CREATE UNIQUE INDEX pauses_active ON pauses (destination) WHERE resumed_at IS NULL;
CREATE INDEX pauses_past ON pauses (destination, resumed_at);

-- The last attempts of each message. `error` may quote the customer: erased with the delivery.
CREATE TABLE attempts (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  verdict TEXT NOT NULL,
  code TEXT,
  error TEXT,
  request_id TEXT,
  started_at BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL
);

CREATE INDEX attempts_of_message ON attempts (message_id, id);

-- Token buckets, by account and Region: see pace.ts. Rewritten in place, many times a second.
CREATE TABLE paces (
  key TEXT COLLATE "C" PRIMARY KEY,
  rate DOUBLE PRECISION NOT NULL,
  tokens DOUBLE PRECISION NOT NULL,
  filled_at BIGINT NOT NULL,
  stepped_at BIGINT NOT NULL,
  halved_at BIGINT NOT NULL
) WITH (fillfactor = 20);

-- One row, written by each readiness check: that a write can be committed is seen by doing it.
CREATE TABLE pings (
  id INTEGER PRIMARY KEY,
  at BIGINT NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE books (
  day TEXT COLLATE "C" NOT NULL,
  counter TEXT COLLATE "C" NOT NULL,
  label TEXT COLLATE "C" NOT NULL,
  -- Differs because here transactions run side by side: one row for all would make each wait for the commit of the one
  -- before it.
  shard INTEGER NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (day, counter, label, shard)
) WITH (fillfactor = 50);

-- An erased text is in the table's old row version until it is vacuumed, and there is no secure_delete: freed bytes stay
-- in their page until it is written anew, and WAL, its archives and backups keep what they have. So vacuums come soon,
-- and where even that matters, the disk and the backups are encrypted.
ALTER TABLE messages SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 1000
);
ALTER TABLE attempts SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE lanes SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
