using System.Text.RegularExpressions;
using Kaji.Cel.Evaluating;
using Kaji.Cel.Values;

namespace Kaji.Cel;

/// <summary>An expression ready to be evaluated: immutable, used from any thread.</summary>
public sealed class CelProgram
{
    /// <summary>What Kubernetes allows one expression to cost (about 0.1 s).</summary>
    public const long PerCallLimit = 1_000_000;
    private readonly Node root;
    private readonly int slots;

    internal CelProgram(Node root, int slots)
    {
        this.root = root;
        this.slots = slots;
    }

    /// <summary>Evaluates; whatever goes wrong in the expression is in the result.</summary>
    /// <param name="bindings">Values of the declared variables, as <see cref="CelJson.FromJson"/> makes them.</param>
    /// <param name="costLimit">Where evaluation is stopped.</param>
    /// <param name="cancellation">Stops evaluation between steps, by an exception.</param>
    public CelResult Evaluate(ICelBindings bindings, long costLimit = PerCallLimit, CancellationToken cancellation = default)
    {
        var frame = new Frame(bindings, slots, (ulong)Math.Max(0, costLimit), cancellation);
        try
        {
            var value = root.Evaluate(frame);
            return value is CelError error ? new CelResult(null, error.Message, frame.Cost) : new CelResult(value, null, frame.Cost);
        }
        catch (RegexMatchTimeoutException e)
        {
            return new CelResult(null, $"regular expression took too long: {e.Pattern}", frame.Cost);
        }
        catch (CostLimitException e)
        {
            return new CelResult(null, e.Message, frame.Cost) { IsCostLimitExceeded = true };
        }
    }
}
