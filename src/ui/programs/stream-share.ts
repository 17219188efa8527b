/** A process, by its number and its start time, which goes into commands. */
export const PROCESS = /^[1-9]\d{0,9}\/\d{1,20}$/;

/** The name of a queue of parts, which goes into commands. */
export const QUEUE = /^[1-9]\d{0,9}\/\d{1,9}\/[0-9a-f-]{36}$/;
