-- Instants are epoch milliseconds. Columns are added by later migrations, never renamed or dropped while an older
-- version may still run.

CREATE TABLE lanes (
  -- Never used again: a dead letter may outlive its lane.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  direction TEXT NOT NULL,
  channel TEXT NOT NULL,
  customer_address TEXT NOT NULL,
  business_address TEXT NOT NULL,
  destination TEXT NOT NULL,
  pace_key TEXT NOT NULL,
  -- When the head may go; while the lane is leased, when the lease runs out. Null: nothing is unfinished.
  due_at INTEGER,
  lease_token TEXT,
  -- When an attempt last ended: the lane is due no earlier, so that it queues behind those that wait.
  tried_at INTEGER NOT NULL DEFAULT 0,
  -- The latest-sent message that has ended: what is accepted later and was sent earlier arrived late.
  gone_sent_at INTEGER NOT NULL DEFAULT 0,
  gone_sns_at INTEGER NOT NULL DEFAULT 0,
  probed_at INTEGER NOT NULL DEFAULT 0,
  last_accepted_at INTEGER NOT NULL,
  UNIQUE (direction, channel, customer_address, business_address)
) STRICT;

CREATE INDEX lanes_due ON lanes (destination, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX lanes_leased ON lanes (id) WHERE lease_token IS NOT NULL;

CREATE TABLE messages (
  -- Ascending ids are the order of acceptance, and within a notification the order of its items.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Null: a dead letter that never had a lane.
  lane_id INTEGER,
  sns_message_id TEXT NOT NULL,
  item_index INTEGER NOT NULL,
  direction TEXT NOT NULL,
  channel TEXT,
  -- A hash: see dedup-key.ts.
  dedup_key TEXT,
  sent_at INTEGER NOT NULL,
  sns_at INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'delivered', 'dead', 'discarded')),
  due_at INTEGER NOT NULL,
  -- 1: it is being sent, or Connect may have seen it: nothing overtakes it any more.
  begun INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  first_failed_at INTEGER,
  probe_refusals INTEGER NOT NULL DEFAULT 0,
  -- Behind pauses of destinations that it no longer goes to.
  paused_ms INTEGER NOT NULL DEFAULT 0,
  -- The normalized message and its notification, as JSON: erased with the delivery.
  message TEXT,
  raw TEXT,
  reason TEXT,
  last_error TEXT,
  contact_id TEXT,
  new_chat_created INTEGER,
  ended_at INTEGER
) STRICT;

CREATE UNIQUE INDEX messages_by_notification ON messages (sns_message_id, item_index);
CREATE UNIQUE INDEX messages_by_dedup_key ON messages (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE INDEX messages_unfinished ON messages (lane_id, begun DESC, sent_at, sns_at, id)
  WHERE state IN ('pending', 'sending');
CREATE INDEX messages_kept ON messages (state, channel, accepted_at) WHERE state IN ('pending', 'sending', 'dead');
-- For erasing a customer: what is delivered, too.
CREATE INDEX messages_of_lane ON messages (lane_id);
CREATE INDEX messages_ended ON messages (ended_at) WHERE ended_at IS NOT NULL;

-- A destination is paused while it has a row without resumed_at. Past pauses are kept, since the time that a message
-- spent paused does not count towards its age.
CREATE TABLE pauses (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  paused_at INTEGER NOT NULL,
  next_probe_at INTEGER NOT NULL,
  probes INTEGER NOT NULL DEFAULT 0,
  resumed_at INTEGER
) STRICT;

CREATE UNIQUE INDEX pauses_active ON pauses (destination) WHERE resumed_at IS NULL;
CREATE INDEX pauses_past ON pauses (destination, resumed_at);

-- The last attempts of each message. `error` may quote the customer: erased with the delivery.
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  verdict TEXT NOT NULL,
  code TEXT,
  error TEXT,
  request_id TEXT,
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX attempts_of_message ON attempts (message_id, id);

-- Token buckets, by account and Region: see pace.ts.
CREATE TABLE paces (
  key TEXT PRIMARY KEY,
  rate REAL NOT NULL,
  tokens REAL NOT NULL,
  filled_at INTEGER NOT NULL,
  stepped_at INTEGER NOT NULL,
  halved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, written by each readiness check: that a write can be committed is seen by doing it.
CREATE TABLE pings (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE books (
  day TEXT NOT NULL,
  counter TEXT NOT NULL,
  label TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, counter, label)
) STRICT, WITHOUT ROWID;
