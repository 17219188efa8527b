/** The options for direct connections between the stages of a copy. */
export interface TunnelOptions {
  /** Copy over ssh if no direct connection comes up. */
  mayFallBack: boolean;
  /** The ports to listen on; 0 is any. */
  ports: { from: number; to: number };
  /** The end that listens; undefined for the remote one, or the destination if both are. */
  listen: "source" | "destination" | undefined;
  /** The address to listen on, and to connect to; undefined for all. */
  bind: string | undefined;
}
