"""Supabase Realtime on one machine: Broadcast (also from the database), Presence, private channels, replay.

A stand-in: it speaks the real protocol to the real clients, and refuses in a sentence what it does not cover
(Postgres Changes, storing what clients send). Rows of realtime.messages arrive by logical replication:

    replication -> channels.Hub -> outbox of each socket
    socket -> frames -> session -> tokens, authorization (row security) -> channels.Hub
"""
