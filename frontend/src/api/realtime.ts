import { supabase } from './supabase';
import { createTopics } from './topics';

/** Listen to a topic, showtime:7 or movie:7, until the answered function is called. */
export const listen = createTopics(supabase);
