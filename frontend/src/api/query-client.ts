import { QueryClient } from '@tanstack/react-query';

import { isApiError } from './errors';

const RETRIES = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        retry: (failures, error) => failures < RETRIES && isApiError(error, 'offline', 'busy'),
      },
      mutations: { retry: false },
    },
  });
}
