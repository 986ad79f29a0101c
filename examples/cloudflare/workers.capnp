# For workerd; on Cloudflare the same stands in `wrangler.toml`.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "*:4000", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "dist/worker.js")],
  compatibilityDate = "2026-10-01",
  # a client that leaves is told by the signal of its request
  compatibilityFlags = ["enable_request_signal", "request_signal_passthrough"],
  durableObjectNamespaces = [(className = "Rooms", uniqueKey = "rooms")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "rooms", durableObjectNamespace = "Rooms")],
);
