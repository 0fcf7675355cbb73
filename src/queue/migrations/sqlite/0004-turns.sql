-- A lane's head, and all that a lane has had, by one index: an entry less to write for each message.
CREATE INDEX messages_by_turn
  ON messages (lane_id, (state IN ('pending', 'sending')) DESC, begun DESC, sent_at, sns_at, id);
DROP INDEX messages_unfinished;
DROP INDEX messages_of_lane;
