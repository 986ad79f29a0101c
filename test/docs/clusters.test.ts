import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

interface ComposeService {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface Manifest {
  readonly kind: string;
  readonly spec: unknown;
}

interface Deployment extends Manifest {
  readonly spec: { readonly template: { readonly spec: PodTemplate } };
}

interface PodTemplate {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly {
    readonly env: readonly { readonly name: string; readonly value?: string }[];
    readonly readinessProbe: { readonly httpGet: { readonly path: string } };
    readonly livenessProbe: { readonly httpGet: { readonly path: string } };
  }[];
}

// both are files of this repository
const compose = parse(read('examples/cluster/docker-compose.yml'), { merge: true }) as Compose;
const manifests = parseAllDocuments(read('examples/cluster/kubernetes.yml')).map(
  (each) => each.toJS() as Manifest,
);

const server = read('examples/cluster/server.ts');
/** What a server reads from its environment. */
const variables = [
  ...(/const \{([^}]*)\} = process\.env/.exec(server)?.[1] ?? '').matchAll(/(\w+) =/g),
].map(([, name = '']) => name);
/** Those without which it does not do what it is for. */
const needed = ['PORT', 'SERVER_NAME', 'BROKER', 'BROKER_URL', 'RESUME_SECRET'];

describe('docker-compose.yml of the cluster', () => {
  it.each(['server-1', 'server-2', 'server-3'])(
    'tells %s what it needs, and nothing else',
    (name) => {
      const environment = compose.services[name]?.environment ?? {};

      expect(variables).toEqual(expect.arrayContaining(needed));
      expect(Object.keys(environment).toSorted()).toEqual(needed.toSorted());
      expect(environment['SERVER_NAME']).toBe(name);
    },
  );

  it('tells the balancer every variable of its configuration', () => {
    const named = read('examples/cluster/haproxy.cfg').matchAll(/"\$\{(\w+)\}"/g);

    expect(new Set(Object.keys(compose.services['balancer']?.environment ?? {}))).toEqual(
      new Set([...named].map(([, name]) => name)),
    );
  });

  it('has a service and a profile for each broker, checked before servers start', () => {
    const brokers = /const brokers = \{ (.*) \}/.exec(read('examples/cluster/brokers/index.ts'));
    const names = brokers?.[1]?.split(', ') ?? [];

    expect(names).toEqual(['redis', 'nats', 'postgres']);
    for (const name of names) {
      expect(compose.services[name]).toMatchObject({
        profiles: [name],
        healthcheck: { test: expect.arrayContaining(['CMD']) as unknown },
      });
    }
  });

  it('has texts where it takes texts', () => {
    const words = Object.values(compose.services).flatMap(({ command = [], healthcheck }) =>
      command.concat(healthcheck?.test ?? []),
    );

    expect(words.filter((word) => typeof word !== 'string')).toEqual([]);
  });

  it('has a default for what it takes from the environment', () => {
    const defaults = read('examples/cluster/.env').matchAll(/^(\w+)=/gm);
    const taken = read('examples/cluster/docker-compose.yml').matchAll(/\$\{(\w+)\}/g);

    expect(new Set([...taken].map(([, name]) => name))).toEqual(
      new Set([...defaults].map(([, name]) => name)),
    );
  });
});

describe('the manifest for Kubernetes', () => {
  const deployment = manifests.find(({ kind }) => kind === 'Deployment') as Deployment; // the first of the kinds below
  const { spec: pod } = deployment.spec.template;
  const [container] = pod.containers;
  const valueOf = (name: string): number =>
    Number(container?.env.find((variable) => variable.name === name)?.value);

  it('stands in docs/kubernetes.md to the letter', () => {
    expect(read('docs/kubernetes.md')).toContain(
      `\`\`\`yaml\n${read('examples/cluster/kubernetes.yml')}\`\`\`\n`,
    );
  });

  it('has the kinds that the page speaks of', () => {
    expect(manifests.map(({ kind }) => kind)).toEqual([
      'Deployment',
      'Service',
      'PodDisruptionBudget',
      'HorizontalPodAutoscaler',
    ]);
  });

  it('sets variables that the server knows, and all that it needs', () => {
    const set = container?.env.map(({ name }) => name) ?? [];

    expect(set).toEqual(expect.arrayContaining(needed));
    expect(set.filter((name) => !variables.includes(name))).toEqual([]);
  });

  it('asks for health where the server answers', () => {
    expect(server).toContain(`case '${container?.readinessProbe.httpGet.path}'`);
    expect(server).toContain(`case '${container?.livenessProbe.httpGet.path}'`);
  });

  it('leaves a pod the time that its drain may take', () => {
    const longestMs = valueOf('READINESS_DELAY_MS') + 2 * valueOf('DRAIN_MS') + 7_000;

    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThanOrEqual(longestMs);
  });

  it('scales by a metric that the server has', () => {
    expect(read('examples/cluster/kubernetes.yml')).toContain('millrace_connections');
    expect(server).toContain('millrace_${name}');
    expect(read('src/server/server.ts')).toMatch(
      /interface ServerGauges \{\s+readonly connections/,
    );
  });
});
