/**
 * Stands in for clients that supabase-js brings and this page never runs: of GoTrue, for supabase-js is given access
 * tokens, of Storage and of Edge Functions. It makes one of Storage whenever it is made itself, and exports the errors.
 */
export const AuthClient = Object;
export const StorageClient = Object;
export const StorageApiError = Error;
export const FunctionsClient = Object;
export const FunctionsError = Error;
export const FunctionsFetchError = Error;
export const FunctionsHttpError = Error;
export const FunctionsRelayError = Error;
export const FunctionRegion = {};
