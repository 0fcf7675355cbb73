-- The texts of a message that goes in parts, a JSON array: fixed by its first attempt, erased with the message.
ALTER TABLE messages ADD COLUMN parts TEXT;
-- How many of them Connect has.
ALTER TABLE messages ADD COLUMN parts_delivered INTEGER NOT NULL DEFAULT 0;
