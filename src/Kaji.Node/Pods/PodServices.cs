using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;
using Kaji.Node.Probes;
using Kaji.Node.Volumes;

namespace Kaji.Node.Pods;

/// <summary>What all Pod workers of a node share.</summary>
internal sealed record PodServices(
    NodeOptions Options, IApiClient Client, IContainerRuntime Runtime, ImagePuller Images, PodVolumes Volumes, EnvironmentBuilder Environment, Prober Prober, TokenCache Tokens,
    EventRecorder Events, TimeProvider Time, long NodeMemory);
