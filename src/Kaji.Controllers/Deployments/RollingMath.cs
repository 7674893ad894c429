using System.Globalization;
using k8s.Models;

namespace Kaji.Controllers.Deployments;

/// <summary>The numbers of a rolling update. Pure.</summary>
internal static class RollingMath
{
    /// <summary>maxSurge rounded up, maxUnavailable rounded down, of the wanted replicas; never both zero. Recreate knows neither.</summary>
    public static (int Surge, int Unavailable) Limits(V1Deployment deployment)
    {
        var replicas = deployment.Spec.Replicas ?? 1;
        var rolling = deployment.Spec.Strategy?.RollingUpdate;
        if (deployment.Spec.Strategy?.Type == "Recreate")
        {
            return (0, 0);
        }

        var surge = Share(rolling?.MaxSurge?.Value ?? "25%", replicas, up: true);
        var unavailable = Math.Min(Share(rolling?.MaxUnavailable?.Value ?? "25%", replicas, up: false), replicas);
        return surge == 0 && unavailable == 0 ? (0, 1) : (surge, unavailable);
    }

    public static int Share(string text, int total, bool up)
    {
        if (!text.EndsWith('%'))
        {
            return int.Parse(text, CultureInfo.InvariantCulture);
        }

        var share = int.Parse(text.AsSpan(0, text.Length - 1), CultureInfo.InvariantCulture) * (long)total;
        return (int)(up ? (share + 99) / 100 : share / 100);
    }

    /// <summary>How large the new set may be now.</summary>
    public static int NewSize(int wanted, int surge, int newSize, int allPods) =>
        newSize >= wanted ? wanted : Math.Min(wanted, newSize + Math.Max(0, wanted + surge - allPods));

    /// <summary>
    /// How the old sets shrink: Pods that are not available first (they serve nobody), then as many as availability allows.
    /// </summary>
    /// <param name="newAvailable">Pods of the new set that are available for sure.</param>
    /// <param name="old">Of each, oldest first: its size, how many Pods may be available, and how many are for sure.</param>
    /// <returns>The new sizes.</returns>
    public static int[] OldSizes(int wanted, int unavailable, int newSize, int newAvailable, IReadOnlyList<(int Size, int Available, int Sure)> old)
    {
        var sizes = old.Select(o => o.Size).ToArray();
        var minimum = wanted - unavailable;
        var removable = Math.Max(0, sizes.Sum() + newSize - minimum - (newSize - newAvailable));
        for (var i = 0; i < sizes.Length && removable > 0; i++)
        {
            var take = Math.Min(removable, Math.Max(0, old[i].Size - old[i].Available));
            sizes[i] -= take;
            removable -= take;
        }

        var spare = Math.Max(0, old.Sum(o => o.Sure) + newAvailable - minimum);
        for (var i = 0; i < sizes.Length && spare > 0; i++)
        {
            var take = Math.Min(Math.Min(spare, sizes[i]), removable);
            sizes[i] -= take;
            spare -= take;
            removable -= take;
        }

        return sizes;
    }
}
