namespace Kaji.Bots.Fence;

/// <summary>What a bot's Lease says, as one version of it: the only thing wardens and grantors share.</summary>
/// <param name="Version">resourceVersion of the Lease; what every write compares.</param>
/// <param name="Epoch">The newest epoch ever granted (spec.leaseTransitions); 0 before the first.</param>
/// <param name="Holder">Name of the Pod that has it (spec.holderIdentity).</param>
/// <param name="Released">Whether a warden has proven the holder dead (or it never ran): nobody acts until the next grant.</param>
public readonly record struct FenceRecord(string Version, long Epoch, string Holder, bool Released)
{
    /// <summary>Whether this Pod may act under this epoch, as far as this version knows.</summary>
    public bool Grants(string holder, long epoch) => !Released && Epoch == epoch && string.Equals(Holder, holder, StringComparison.Ordinal);
}
