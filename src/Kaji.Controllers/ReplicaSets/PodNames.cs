namespace Kaji.Controllers.ReplicaSets;

/// <summary>
/// Names of Pods as the API server would generate them. The controller picks them itself, so that it knows what to expect of the watch before it asks for a Pod.
/// </summary>
internal static class PodNames
{
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";
    private const int MaxBase = 58;

    public static string Prefix(string owner) => owner + "-";

    public static string Next(string owner, Random random)
    {
        var prefix = Prefix(owner);
        return (prefix.Length > MaxBase ? prefix[..MaxBase] : prefix) + new string(random.GetItems<char>(Alphabet, 5));
    }
}
