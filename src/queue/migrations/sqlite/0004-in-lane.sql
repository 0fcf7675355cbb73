-- A lane's head, and all that a lane has had, by one index: an entry less to write for each message. SQLite alone: it is
-- pages that cost there, and PostgreSQL writes rows. For a million messages it takes a second.
CREATE INDEX messages_in_lane
  ON messages (lane_id, (state IN ('pending', 'sending')), begun DESC, sent_at, sns_at, id);
DROP INDEX messages_unfinished;
DROP INDEX messages_of_lane;
