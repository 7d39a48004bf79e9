-- Webhooks and chats leave by the outbox, too. Their letters name the receiver, whose address and key are read when it is sent.

alter table outbox add column receiver_id uuid;
