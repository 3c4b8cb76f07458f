/** Stands in for @supabase/auth-js, which supabase-js brings and never runs where it is given access tokens. */
export const AuthClient = Object;
