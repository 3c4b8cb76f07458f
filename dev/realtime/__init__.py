"""Stand-in for Supabase Realtime: Broadcast (also from the database), Presence, private channels, replay, rate limits.

It speaks the real protocol to the real clients; README.md lists where it differs from the real server.

    realtime.messages -> replication -> channels.Hub -> outbox of each socket
    socket -> frames -> session -> tokens, authorization (row security) -> channels.Hub
"""
