namespace Kaji.Node.Registration;

/// <summary>The Node object of a living agent was deleted: somebody has taken the node out of the cluster, and its part of the Pod range may be another's already.</summary>
public sealed class NodeDeletedException(string node) : InvalidOperationException($"node {node} was deleted from the cluster");
