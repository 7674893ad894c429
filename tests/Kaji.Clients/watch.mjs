// An informer and a plain watch of one namespace's ConfigMaps: prints a line an event; both go on by themselves when the server restarts.
import { createRequire } from 'node:module';
const [modules, kubeconfig, ns] = process.argv.slice(2);
const k8s = createRequire(modules + '/')('@kubernetes/client-node');
const config = new k8s.KubeConfig();
config.loadFromFile(kubeconfig);
const core = config.makeApiClient(k8s.CoreV1Api);
const path = `/api/v1/namespaces/${ns}/configmaps`;
const counter = { fieldSelector: 'metadata.name=counter' };
const again = (f) => setTimeout(f, 100);

const informer = k8s.makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace: ns, ...counter }), undefined, counter.fieldSelector);
for (const verb of ['add', 'update', 'delete']) informer.on(verb, (o) => console.log(`informer ${verb} ${o.metadata.name} ${o.data?.n}`));
informer.on('error', () => again(() => informer.start()));
await informer.start();

let version = (await core.listNamespacedConfigMap({ namespace: ns })).metadata.resourceVersion;
const watch = new k8s.Watch(config);
async function run() {
  try {
    await watch.watch(path, { ...counter, resourceVersion: version, allowWatchBookmarks: true }, (type, o) => {
      if (type === 'ERROR') { console.log(`watch ERROR ${o.code}`); return; }
      version = o.metadata.resourceVersion;
      if (type !== 'BOOKMARK') console.log(`watch ${type} ${o.metadata.name} ${o.data?.n}`);
    }, () => again(run));
  } catch { again(run); }
}
await run();
console.log('ready');
