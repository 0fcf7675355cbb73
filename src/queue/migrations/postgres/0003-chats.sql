-- Chats that the bridge opened or is about to open: see ChatSession in message-store.ts. The last generation of a lane is
-- its conversation's; the ones before it have ended, and still say whose chat a late reply is.
CREATE TABLE chats (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lane_id BIGINT NOT NULL,
  generation INTEGER NOT NULL,
  -- Null: not opened yet.
  contact_id TEXT COLLATE "C",
  -- Why not: an error's name.
  waits_for TEXT,
  -- The ChatSession, as JSON. It holds tokens, and the customer's address.
  session TEXT NOT NULL,
  -- What the customer was offered to choose from, a JSON array.
  choices TEXT,
  changed_at BIGINT NOT NULL,
  UNIQUE (lane_id, generation)
);

CREATE UNIQUE INDEX chats_by_contact ON chats (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX chats_waiting ON chats (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX chats_changed ON chats (changed_at);

ALTER TABLE chats SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- A request that is sent twice has one effect.
ALTER TABLE lanes ADD COLUMN is_idempotent BOOLEAN NOT NULL DEFAULT false;

-- One destination may have several paces, each with its own tokens.
CREATE INDEX lanes_due_by_pace ON lanes (destination, pace_key, due_at, id) WHERE due_at IS NOT NULL;
DROP INDEX lanes_due;

-- Attempts of the part that is next after which nobody knew whether it had been taken.
ALTER TABLE messages ADD COLUMN unclear_attempts INTEGER NOT NULL DEFAULT 0;
