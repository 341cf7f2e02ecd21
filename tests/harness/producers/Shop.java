package shop;

import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The shop in Java, which logs by java.util.logging as it comes to its standard error: `java Shop.java ORDER…`. */
public final class Shop {
    private static final Logger LOG = Logger.getLogger("shop.orders");
    private static final Map<Integer, Integer> PRICES = Map.of(1, 999, 2, 2500);

    /** An order that cannot be paid. */
    static final class MissingPrice extends RuntimeException {
        MissingPrice(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private static int price(int order) {
        Integer price = PRICES.get(order);
        if (price == null) {
            throw new IllegalArgumentException("no price for " + order);
        }
        return price;
    }

    private static int charge(int order) {
        try {
            return price(order);
        } catch (IllegalArgumentException error) {
            throw new MissingPrice("order " + order + " cannot be paid", error);
        }
    }

    public static void main(String[] orders) {
        for (String order : orders) {
            try {
                LOG.info("order " + order + " is paid: " + charge(Integer.parseInt(order)));
            } catch (MissingPrice error) {
                LOG.log(Level.SEVERE, "order " + order + " is not paid", error);
            } catch (NumberFormatException error) {
                LOG.log(Level.SEVERE, "order " + order + " is none", error);
            }
        }
        LOG.warning("stock of apples is low");
    }
}
