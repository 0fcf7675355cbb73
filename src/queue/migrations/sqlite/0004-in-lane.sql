-- A lane's head, and all that a lane has had, by one index: an entry less to write for each message. SQLite alone: it is
-- pages that cost there. Dropped first, so that the new one takes the room of the old ones.
DROP INDEX messages_unfinished;
DROP INDEX messages_of_lane;
CREATE INDEX messages_in_lane
  ON messages (lane_id, (state IN ('pending', 'sending')), begun DESC, sent_at, sns_at, id);
